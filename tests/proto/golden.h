#pragma once

#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>

namespace pawl {

// The golden examples of the protocol: NAME.txt is a message in protobuf's text format, NAME.hex
// its frame.
inline std::string golden_file(const std::string& name) {
  std::ifstream in(PAWL_TESTS_DIR "/proto/golden/" + name);
  if (!in) throw std::runtime_error("no golden file " + name);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline std::string golden_frame(const std::string& name) {
  std::istringstream words(golden_file(name + ".hex"));
  std::string bytes;
  for (std::string word; words >> word;) {
    bytes.push_back(static_cast<char>(std::stoi(word, nullptr, 16)));
  }
  return bytes;
}

// Without the frame's length.
inline std::string golden_body(const std::string& name) {
  return golden_frame(name).substr(4);
}

}  // namespace pawl
