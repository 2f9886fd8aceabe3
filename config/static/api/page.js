"use strict";

// A script cannot follow the redirect to a platform's consent page: it asks for the address instead.
const CONNECT = /\/api\/v1\/connections\/connect\/[^/]+\/?$/;
const send = window.fetch;
window.fetch = (input, init) => {
  const request = new Request(input, init);
  const address = new URL(request.url);
  if (address.origin !== location.origin || !CONNECT.test(address.pathname)) {
    return send(request);
  }
  address.searchParams.set("redirect", "false");
  return send(new Request(address, request));
};

const page = document.getElementById("page");
Scalar.createApiReference(page, {
  url: page.dataset.document,
  // The page sends requests to where it came from, and to nowhere else.
  servers: [{ url: location.origin }],
  authentication: { preferredSecurityScheme: "bearerAuth" },
  persistAuth: true,
  defaultHttpClient: { targetKey: "shell", clientKey: "curl" },
  documentDownloadType: "json",
  withDefaultFonts: false,
  telemetry: false,
  hideClientButton: true,
  showDeveloperTools: "never",
  agent: { disabled: true },
  mcp: { disabled: true },
});
