#include "broker/net/request.h"

namespace pawl::net {

using core::Errc;

Request open_request(std::string_view body, FieldCheck& check) {
  Request request;
  bool unknown = false;
  FieldCheck others;  // One of them may be an operation of the future, of any size.
  wire::FieldReader reader(body);
  wire::Field field;
  while (reader.next(field)) {
    if (field.number == 1) {
      request.id = check.number(field, "id", UINT64_MAX);
    } else if (field.number > kOperationLast) {
      unknown = true;
      others.unknown(field);
    } else if (request.operation != Operation::none) {
      check.refuse(Errc::invalid_argument, "the request has two operations");
    } else {
      request.operation = static_cast<Operation>(field.number);
      request.message = check.message(field, "the operation");
    }
  }
  check.finish(reader, "the request");
  if (request.id == 0) check.refuse(Errc::invalid_argument, "id is missing");
  if (request.operation == Operation::none) {
    check.refuse(
        unknown ? Errc::unsupported : Errc::invalid_argument,
        unknown ? "this broker does not know the operation" : "the request has no operation");
  } else if (!others.ok()) {
    check.refuse(others.fault().code, std::move(others.fault().message));
  }
  return request;
}

void decode_nothing(std::string_view message, FieldCheck& check) {
  wire::FieldReader reader(message);
  wire::Field field;
  while (reader.next(field)) check.unknown(field);
  check.finish(reader, "the request");
}

}  // namespace pawl::net
