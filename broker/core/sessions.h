#pragma once

#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "broker/core/batch.h"
#include "broker/core/records.h"

namespace pawl::core {

// Some jobs of one batch under one grant.
struct GrantPart {
  LeasedJobs leased;
  BatchPtr batch;  // Null after a restart until somebody needs it.
};

// What one fetch leased.
struct Grant {
  Token token;
  SessionId session;
  Timestamp at{};
  std::vector<GrantPart> parts;
  std::size_t first_open = 0;  // Parts before it are empty.
  bool stored = false;
  bool dirty = false;
};

// A worker's identity that survives its connections.
struct Session {
  SessionId id;
  std::string worker_id;
  std::string host;
  ConnectionId connection = 0;  // 0: cut.
  Timestamp deadline{};
  bool stored = false;
  std::set<Token> grants;
  std::size_t leased = 0;  // Jobs.
};

// Sessions by id, by connection and by deadline; grants by token.
class Sessions {
 public:
  Session* find(const SessionId& id);
  Session* on_connection(ConnectionId connection);
  Session& add(Session session);
  void remove(const SessionId& id);
  void bind(Session& session, ConnectionId connection);
  void set_deadline(Session& session, Timestamp deadline);

  std::optional<Timestamp> first_deadline() const;
  // A session whose deadline has passed.
  Session* overdue(Timestamp now);

  Grant* find_grant(Token token);
  Grant& add_grant(Grant grant);
  void remove_grant(Token token);
  // Jobs of a grant are leased no more.
  void unleased(const Grant& grant, std::size_t jobs);
  const std::unordered_map<Token, Grant, TokenHash>& grants() const { return grants_; }

  std::size_t count() const { return sessions_.size(); }
  std::size_t leased() const { return leased_; }  // Jobs, of all sessions.

 private:
  std::unordered_map<SessionId, Session, SessionIdHash> sessions_;
  std::unordered_map<ConnectionId, SessionId> by_connection_;
  std::set<std::pair<Timestamp, SessionId>> deadlines_;
  std::unordered_map<Token, Grant, TokenHash> grants_;
  std::size_t leased_ = 0;
};

}  // namespace pawl::core
