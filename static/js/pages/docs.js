// API docs: starts Swagger UI, which comes whole out of its package.
import { find } from "../lib/dom.js";

const place = find("swagger");
window.SwaggerUIBundle({ url: place.dataset.url, domNode: place, deepLinking: false, docExpansion: "list", defaultModelsExpandDepth: 0, validatorUrl: null });
