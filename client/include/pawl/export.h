#pragma once

// What the shared library shows; all else in it is hidden.
#define PAWL_API __attribute__((visibility("default")))
// For what is inside of that and would be shown with it.
#define PAWL_HIDDEN __attribute__((visibility("hidden")))
