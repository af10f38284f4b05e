#include "proto/frame.h"

#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace pawl::wire {
namespace {

std::vector<std::string> all_frames(FrameReader& reader) {
  std::vector<std::string> bodies;
  while (const auto body = reader.next()) bodies.emplace_back(*body);
  return bodies;
}

std::string stream_of(const std::vector<std::string>& bodies) {
  std::string stream;
  for (const auto& body : bodies) append_frame(stream, body);
  return stream;
}

TEST_CASE("a frame is its length in four big-endian bytes and its body", "[proto][frame]") {
  std::string stream;
  append_frame(stream, std::string(258, 'x'));
  CHECK(stream.substr(0, 4) == std::string("\0\0\1\2", 4));
  CHECK(stream.size() == 262);
}

TEST_CASE("a body written in place makes the same frame", "[proto][frame]") {
  std::string stream = "before";
  const std::size_t begun = begin_frame(stream);
  stream += "body";
  end_frame(stream, begun);
  std::string copied = "before";
  append_frame(copied, "body");
  CHECK(stream == copied);
}

TEST_CASE("frames come out whole wherever the stream is cut in two", "[proto][frame]") {
  const std::vector<std::string> bodies = {"a", std::string(300, 'b'), std::string("\0\0\0\0", 4),
                                           "cd"};
  const std::string stream = stream_of(bodies);
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    FrameReader reader(1000);
    reader.feed(std::string_view(stream).substr(0, cut));
    auto got = all_frames(reader);
    reader.feed(std::string_view(stream).substr(cut));
    for (auto& body : all_frames(reader)) got.push_back(std::move(body));
    REQUIRE(got == bodies);
    REQUIRE(reader.buffered_bytes() == 0);
  }
}

TEST_CASE("frames come out whole when bytes come in pieces of any size", "[proto][frame]") {
  const std::vector<std::string> bodies = {"a", std::string(300, 'b'), "cd", std::string(77, 'e')};
  const std::string stream = stream_of(bodies);
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    FrameReader reader(1000);
    std::vector<std::string> got;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      reader.feed(std::string_view(stream).substr(at, piece));
      for (auto& body : all_frames(reader)) got.push_back(std::move(body));
    }
    REQUIRE(got == bodies);
  }
}

TEST_CASE("bytes read into prepared space count as far as they are committed", "[proto][frame]") {
  const std::string stream = stream_of({"hello", "world"});
  FrameReader reader(100);
  const std::span<char> space = reader.prepare(64);
  REQUIRE(space.size() >= 64);
  stream.copy(space.data(), stream.size());
  reader.commit(9);
  CHECK(all_frames(reader) == std::vector<std::string>{"hello"});
  const std::span<char> rest = reader.prepare(1);
  stream.copy(rest.data(), stream.size() - 9, 9);
  reader.commit(stream.size() - 9);
  CHECK(all_frames(reader) == std::vector<std::string>{"world"});
}

TEST_CASE("an empty frame is an error for good", "[proto][frame]") {
  FrameReader reader(100);
  std::string stream = stream_of({"fine"});
  stream.append(4, '\0');
  append_frame(stream, "after");
  reader.feed(stream);
  CHECK(all_frames(reader) == std::vector<std::string>{"fine"});
  CHECK(reader.error() == FrameError::empty);
  reader.feed(stream_of({"more"}));
  CHECK_FALSE(reader.next());
}

TEST_CASE("a frame over the bound is refused by its header alone", "[proto][frame]") {
  FrameReader reader(100);
  reader.feed(std::string("\0\0\0\x65", 4));
  CHECK_FALSE(reader.next());
  CHECK(reader.error() == FrameError::too_large);

  FrameReader at_the_bound(100);
  at_the_bound.feed(stream_of({std::string(100, 'x')}));
  CHECK(at_the_bound.next());
}

TEST_CASE("the bound can be raised between frames", "[proto][frame]") {
  FrameReader reader(4);
  reader.feed(stream_of({"four", "fiver"}));
  CHECK(reader.next() == "four");
  reader.set_frame_bytes_max(5);
  CHECK(reader.next() == "fiver");
}

TEST_CASE("an announced length allocates nothing", "[proto][frame]") {
  FrameReader reader(0xffffffff);
  reader.feed(std::string("\xff\xff\xff\xff", 4));
  reader.feed("some bytes");
  CHECK_FALSE(reader.next());
  CHECK(reader.error() == FrameError::none);
  CHECK(reader.capacity_bytes() <= 64);
}

TEST_CASE("the memory of a large frame is given back", "[proto][frame]") {
  FrameReader reader(4 << 20);
  reader.feed(stream_of({std::string(2 << 20, 'x')}));
  REQUIRE(reader.next());
  reader.prepare(100);
  CHECK(reader.capacity_bytes() < 1 << 20);
}

}  // namespace
}  // namespace pawl::wire
