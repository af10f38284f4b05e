#include "broker/core/sessions.h"

namespace pawl::core {

Session* Sessions::find(const SessionId& id) {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : &found->second;
}

Session* Sessions::on_connection(ConnectionId connection) {
  const auto found = by_connection_.find(connection);
  return found == by_connection_.end() ? nullptr : find(found->second);
}

Session& Sessions::add(Session session) {
  const SessionId id = session.id;
  deadlines_.emplace(session.deadline, id);
  if (session.connection != 0) by_connection_[session.connection] = id;
  return sessions_.insert_or_assign(id, std::move(session)).first->second;
}

void Sessions::remove(const SessionId& id) {
  Session* session = find(id);
  if (session == nullptr) return;
  deadlines_.erase({session->deadline, id});
  if (session->connection != 0) by_connection_.erase(session->connection);
  for (const Token token : session->grants) grants_.erase(token);
  sessions_.erase(id);
}

void Sessions::bind(Session& session, ConnectionId connection) {
  if (session.connection != 0) by_connection_.erase(session.connection);
  session.connection = connection;
  if (connection != 0) by_connection_[connection] = session.id;
}

void Sessions::set_deadline(Session& session, Timestamp deadline) {
  deadlines_.erase({session.deadline, session.id});
  session.deadline = deadline;
  deadlines_.emplace(deadline, session.id);
}

std::optional<Timestamp> Sessions::first_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

Session* Sessions::overdue(Timestamp now) {
  if (deadlines_.empty() || deadlines_.begin()->first > now) return nullptr;
  return find(deadlines_.begin()->second);
}

Grant* Sessions::find_grant(Token token) {
  const auto found = grants_.find(token);
  return found == grants_.end() ? nullptr : &found->second;
}

Grant& Sessions::add_grant(Grant grant) {
  const Token token = grant.token;
  std::size_t jobs = 0;
  for (const GrantPart& part : grant.parts) jobs += part.leased.jobs.count();
  leased_ += jobs;
  if (Session* session = find(grant.session)) {
    session->grants.insert(token);
    session->leased += jobs;
  }
  return grants_.insert_or_assign(token, std::move(grant)).first->second;
}

void Sessions::unleased(const Grant& grant, std::size_t jobs) {
  leased_ -= jobs;
  if (Session* session = find(grant.session)) session->leased -= jobs;
}

void Sessions::remove_grant(Token token) {
  const auto found = grants_.find(token);
  if (found == grants_.end()) return;
  if (Session* session = find(found->second.session)) session->grants.erase(token);
  grants_.erase(found);
}

}  // namespace pawl::core
