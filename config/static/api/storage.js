"use strict";

// Before Scalar is loaded, which keeps the token in localStorage, without an end: here it is kept
// for this tab only.
Object.defineProperty(window, "localStorage", { value: window.sessionStorage });
