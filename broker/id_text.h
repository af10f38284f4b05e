#pragma once

#include <string>

#include "broker/core/types.h"

namespace pawl {

// As clients write it.
std::string id_text(const core::JobId& id);

}  // namespace pawl
