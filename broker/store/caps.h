#pragma once

#include <string>

#include "broker/store/store.h"

namespace pawl::store {

// Why the commit is more than the store takes; empty when it fits.
std::string violation_of(const Caps& caps, const core::Commit& commit);

}  // namespace pawl::store
