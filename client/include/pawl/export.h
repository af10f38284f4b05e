#pragma once

// What the shared library shows; all else may be hidden.
#define PAWL_API __attribute__((visibility("default")))
