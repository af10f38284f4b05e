#pragma once

#include <string>

#include "broker/core/command.h"
#include "broker/core/reply.h"

namespace pawl::test {

// Short forms for people who read a failed run.
std::string short_id(const core::JobId& id);
std::string text_of(const core::BatchId& batch, const core::IndexSet& jobs);
std::string text_of(const core::Command& command);
std::string text_of(const core::Reply& reply);

}  // namespace pawl::test
