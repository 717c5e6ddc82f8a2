// Starts Swagger UI, which comes whole out of its package.
const place = document.getElementById("swagger");
window.SwaggerUIBundle({ url: place.dataset.url, domNode: place, deepLinking: false, docExpansion: "list", defaultModelsExpandDepth: 0, validatorUrl: null });
