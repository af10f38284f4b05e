#pragma once

// The rows of the bad-input table that concern TCP: each is sent to a real listener, each gets its
// answer, and no command comes of it.

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/net/test_server.h"

namespace pawl::net {

// Who says it: somebody new, a client, a worker.
enum class Who { fresh, client, worker };
// What becomes of the connection.
enum class Then { stays, closes };

struct Row {
  const char* what;
  Who who;
  std::string bytes;
  pb::Code code;
  Then then;
  std::uint64_t id = 9;  // Of the reply.
};

inline std::string framed(const std::string& body) {
  std::string frame;
  wire::append_frame(frame, body);
  return frame;
}

inline std::string hex(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

inline std::string joined(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (const std::string_view part : parts) all.append(part);
  return all;
}

// A request with id 9 and the bytes as its operation.
inline std::string operation(std::uint32_t field, const std::string& message) {
  std::string body;
  wire::FieldWriter writer(body);
  writer.number(1, 9);
  writer.element(field, message);
  return framed(body);
}

template <class Fill>
std::string request(const Fill& fill) {
  pb::Request request;
  request.set_id(9);
  fill(request);
  return framed(request.SerializeAsString());
}

inline std::string nested(int depth) {
  std::string message;
  for (int i = 0; i < depth; ++i) {
    std::string outer;
    wire::FieldWriter(outer).element(11, message);
    message = outer;
  }
  return message;
}

inline std::string unknown_bytes(std::size_t bytes) {
  std::string fields;
  wire::FieldWriter(fields).element(99, std::string(bytes, 'u'));
  return fields;
}

inline std::string enqueue_with(const std::string& job) {
  pb::Enqueue enqueue = enqueue_for("mail");
  enqueue.mutable_defaults()->set_type("t");
  std::string message = enqueue.SerializeAsString();
  wire::FieldWriter(message).element(15, job);
  return operation(4, message);
}

inline void check(TestServer& broker, const Row& row) {
  TestClient client = row.who == Who::fresh    ? broker.connect()
                      : row.who == Who::client ? broker.greeted()
                                               : broker.worker();
  client.send(row.bytes);
  const pb::Reply reply = client.read_reply();
  CHECK(pb::Code_Name(reply.error().code()) == pb::Code_Name(row.code));
  CHECK_FALSE(reply.error().message().empty());
  CHECK(reply.id() == row.id);
  if (row.then == Then::closes) {
    CHECK(client.at_end());
  } else {
    client.send(request([](pb::Request& r) { r.mutable_ping(); }));
    CHECK(client.read_reply().has_ping());
  }
  client.close();
}

inline void check_all(const std::vector<Row>& rows) {
  TestServer broker;
  for (const Row& row : rows) {
    INFO(row.what);
    check(broker, row);
    // A worker that leaves is the only thing that the engine hears.
    if (row.who == Who::worker) broker.sink.take_as<core::Disconnected>();
    CHECK(broker.sink.count() == 0);
  }
}

}  // namespace pawl::net
