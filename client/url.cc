#include "client/url.h"

#include <charconv>
#include <optional>

namespace pawl::client {
namespace {

constexpr std::string_view kScheme = "pawl://";

Error bad_url(std::string_view why) {
  return Error(Errc::invalid_argument,
               "not a broker's URL: " + std::string(why) + "; write pawl://host:port");
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failure != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

// Where the host ends: after the bracket of an IPv6 address, else at the colon.
std::size_t host_bytes(std::string_view text) {
  if (text.starts_with('[')) return text.find(']') == text.npos ? 0 : text.find(']') + 1;
  return std::min(text.find(':'), text.size());
}

Result<Server> parse_server(std::string_view text) {
  const std::size_t bytes = host_bytes(text);
  std::string_view host = text.substr(0, bytes);
  if (host.starts_with('[')) host = host.substr(1, bytes - 2);
  if (host.empty()) return bad_url("it lacks a host");

  Server server{.host = std::string(host)};
  const std::string_view rest = text.substr(bytes);
  if (rest.empty()) return server;

  const auto port = rest.starts_with(':') ? parse_port(rest.substr(1)) : std::nullopt;
  if (!port) return bad_url("the port of " + server.host + " is not a number from 1 to 65535");
  server.port = *port;
  return server;
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  if (!text.starts_with(kScheme)) return bad_url("it does not start with pawl://");
  text.remove_prefix(kScheme.size());

  Url url;
  if (const std::size_t at = text.rfind('@'); at != text.npos) {
    url.credentials = text.substr(0, at);
    text.remove_prefix(at + 1);
  }
  if (text.ends_with('/')) text.remove_suffix(1);
  if (text.find_first_of("/?# ") != text.npos) return bad_url("nothing may follow the servers");

  for (bool more = true; more;) {
    const std::size_t comma = text.find(',');
    auto server = parse_server(text.substr(0, comma));
    if (!server) return server.error();
    url.servers.push_back(std::move(*server));
    more = comma != text.npos;
    if (more) text.remove_prefix(comma + 1);
  }
  return url;
}

}  // namespace pawl::client
