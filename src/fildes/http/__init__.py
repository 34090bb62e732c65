"""How a document is fetched by HTTP/1.1: requests, redirects, responses, bodies."""
