// RFC 4252 in OpenSSH's order: public key, then keyboard-interactive, then password; and never a wrong password twice.

#include <cstring>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "fanout/ssh/name_list.hpp"
#include "fanout/ssh/session.hpp"
#include "fanout/wire/codec.hpp"
#include "session_state.hpp"

namespace fanout::ssh {

using core::Error;
using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

// A login banner (RFC 4252, section 5.4) may be long; a flood is not a banner.
constexpr std::uint64_t login_limit_bytes = 4 << 20;

bool is_rsa(std::string_view blob) {
  const std::string_view type = wire::Decoder(blob).string();
  return type == "ssh-rsa" || type == "ssh-rsa-cert-v01@openssh.com";
}

// What the sign callback is given.
struct SignRequest {
  Session::State *state;
  const LoginKey *key;
};

extern "C" {

// libssh2 owns what comes back and frees it through the session's allocator.
static int sign(LIBSSH2_SESSION *, unsigned char **signature, size_t *signature_bytes,
                const unsigned char *data, size_t data_bytes, void **abstract) {
  const auto &request = *static_cast<const SignRequest *>(*abstract);
  Session::State &s = *request.state;
  const std::string_view bytes_to_sign(static_cast<const char *>(static_cast<const void *>(data)),
                                       data_bytes);
  s.complete_proof(wire::Decoder(bytes_to_sign).string());
  auto made = s.credentials->sign(request.key->blob, bytes_to_sign);
  if (!made) {
    s.sign_error = std::move(made).error();
    return -1;  // never LIBSSH2_ERROR_ALGO_UNSUPPORTED: libssh2 would fall back to SHA-1
  }
  const std::string &bytes = *made;
  *signature = static_cast<unsigned char *>(s.tap.allocate(bytes.size()));
  if (*signature == nullptr) return -1;
  std::memcpy(*signature, bytes.data(), bytes.size());
  *signature_bytes = bytes.size();
  return 0;
}

static void answer_prompts(const char *, int, const char *, int, int count,
                           const LIBSSH2_USERAUTH_KBDINT_PROMPT *prompts,
                           LIBSSH2_USERAUTH_KBDINT_RESPONSE *responses, void **abstract) {
  Session::State &s = *static_cast<Session::State *>(*abstract);
  for (int i = 0; i < count; ++i) responses[i] = {nullptr, 0};
  // One prompt that hides what is typed is a password prompt. Anything else the user would have to read.
  if (count != 1 || prompts[0].echo != 0 || s.password_sent || !s.password) return;
  const std::string_view password = s.password->reveal();
  auto *text = static_cast<char *>(s.tap.allocate(password.size() + 1));
  if (text == nullptr) return;
  std::memcpy(text, password.data(), password.size());
  responses[0] = {text, static_cast<unsigned int>(password.size())};
  s.remember_password_sent();
}

// A new password is for a person to choose. Without a callback libssh2 does not even say that the old one has expired.
static void refuse_new_password(LIBSSH2_SESSION *, char **password, int *password_bytes, void **) {
  *password = nullptr;
  *password_bytes = 0;
}

}  // extern "C"

// Of a call that failed with no refusal of the server: what came was not an answer.
core::Error broken_off(const Session::State &s) {
  return {ErrorKind::protocol, fmt::format("login failed: {}", s.library_error())};
}

struct Attempts {
  std::vector<std::string> notes;  // what was tried, for the error
  int refused_keys = 0;
};

// True when logged in.
Result<bool> try_key(Session::State &s, const std::string &user, const LoginKey &key,
                     Attempts &attempts) {
  if (is_rsa(key.blob) && !lists(s.tap.signature_algorithms(), "rsa-sha2-512") &&
      !lists(s.tap.signature_algorithms(), "rsa-sha2-256")) {
    // Asking all the same would end every later attempt on this connection too (libssh2 keeps the method's name).
    attempts.notes.push_back(
        fmt::format("{} not offered, the server takes RSA with SHA-1 only", key.description));
    return false;
  }
  SignRequest request{&s, &key};
  void *abstract = &request;
  const auto *blob = static_cast<const unsigned char *>(static_cast<const void *>(key.blob.data()));
  s.sign_error.reset();
  const unsigned refusals = s.tap.login_refusals();
  TRY_ASSIGN(const int answer, s.drive([&] {
    return libssh2_userauth_publickey(s.library, user.c_str(), blob, key.blob.size(), sign,
                                      &abstract);
  }));
  if (answer == 0) return true;
  if (s.sign_error) {
    // Without its key holder the worker can do nothing more; a key that cannot sign is one key less.
    if (s.sign_error->kind != ErrorKind::auth) return fail(*s.sign_error);
    attempts.notes.push_back(fmt::format("{}: {}", key.description, s.sign_error->message));
    return false;
  }
  if (s.tap.login_refusals() == refusals) return fail(broken_off(s));
  if (!s.tap.partial_success()) ++attempts.refused_keys;
  return false;
}

// Asks with the method "none" (RFC 4252, section 5.2), which costs a round trip, unless a refusal has told already.
Result<bool> learn_methods(Session::State &s, const std::string &user, std::string &methods) {
  methods = s.tap.login_methods();
  if (!methods.empty()) return false;
  TRY_ASSIGN(const int answer, s.drive([&] {
    char *list =
        libssh2_userauth_list(s.library, user.c_str(), static_cast<unsigned int>(user.size()));
    if (list != nullptr) methods = list;
    return list != nullptr || libssh2_userauth_authenticated(s.library)
               ? 0
               : libssh2_session_last_errno(s.library);
  }));
  if (libssh2_userauth_authenticated(s.library) == 1) return true;
  if (answer != 0) return fail(broken_off(s));
  return false;
}

Result<bool> try_password(Session::State &s, const std::string &user, std::string_view methods,
                          Attempts &attempts) {
  TRY_ASSIGN(s.password, s.credentials->password());
  if (lists(methods, "keyboard-interactive")) {
    const unsigned refusals = s.tap.login_refusals();
    TRY_ASSIGN(const int answer, s.drive([&] {
      return libssh2_userauth_keyboard_interactive_ex(
          s.library, user.c_str(), static_cast<unsigned int>(user.size()), answer_prompts);
    }));
    if (answer == 0) return true;
    if (s.tap.login_refusals() == refusals) return fail(broken_off(s));
    attempts.notes.emplace_back(
        s.password_sent ? "password rejected (keyboard-interactive)"
                        : "keyboard-interactive asked for something else than a password");
  }
  if (lists(methods, "password") && !s.password_sent) {
    s.remember_password_sent();
    const std::string_view password = s.password->reveal();
    const unsigned refusals = s.tap.login_refusals();
    TRY_ASSIGN(const int answer, s.drive([&] {
      return libssh2_userauth_password_ex(
          s.library, user.c_str(), static_cast<unsigned int>(user.size()), password.data(),
          static_cast<unsigned int>(password.size()), refuse_new_password);
    }));
    if (answer == 0) return true;
    if (answer != LIBSSH2_ERROR_PASSWORD_EXPIRED && s.tap.login_refusals() == refusals)
      return fail(broken_off(s));
    attempts.notes.emplace_back(answer == LIBSSH2_ERROR_PASSWORD_EXPIRED ? "password expired"
                                                                         : "password rejected");
  }
  return false;
}

std::string describe_failure(const Attempts &attempts, std::string_view methods, bool partial) {
  std::vector<std::string> parts;
  if (partial) parts.emplace_back("the server wants more than one method");
  if (attempts.refused_keys > 0)
    parts.push_back(attempts.refused_keys == 1
                        ? "key not accepted"
                        : fmt::format("none of {} keys accepted", attempts.refused_keys));
  parts.insert(parts.end(), attempts.notes.begin(), attempts.notes.end());
  if (parts.empty()) parts.emplace_back("no key and no password to try");
  if (!methods.empty()) parts.push_back(fmt::format("the server offers {}", methods));
  return fmt::format("{}", fmt::join(parts, "; "));
}

Result<void> try_methods(Session::State &s, const std::string &user,
                         const Credentials &credentials) {
  s.transport.limit_incoming(login_limit_bytes, "before the login");
  s.credentials = &credentials;
  Attempts attempts;
  for (const LoginKey &key : credentials.keys) {
    TRY_ASSIGN(const bool in, try_key(s, user, key, attempts));
    if (in) {
      s.transport.limit_incoming(0, {});
      return {};
    }
    if (!s.tap.login_methods().empty() && !lists(s.tap.login_methods(), "publickey")) break;
  }
  std::string methods;
  TRY_ASSIGN(bool in, learn_methods(s, user, methods));
  const bool takes_password = lists(methods, "keyboard-interactive") || lists(methods, "password");
  if (credentials.password && !takes_password && credentials.keys.empty())
    attempts.notes.emplace_back("the server takes no password");
  if (!in && credentials.password && takes_password) {
    TRY_ASSIGN(in, try_password(s, user, methods, attempts));
    s.password.reset();
  }
  if (!in)
    return fail(ErrorKind::auth, describe_failure(attempts, methods, s.tap.partial_success()));
  s.transport.limit_incoming(0, {});
  return {};
}

}  // namespace

Result<void> Session::login(const std::string &user, const Credentials &credentials) {
  auto done = try_methods(*state_, user, credentials);
  // In them is the secret of the key exchange, which nobody needs any more.
  state_->tap.forget_secrets();
  core::wipe(state_->proof.exchange);
  if (state_->password_sent)
    state_->password_taken =
        done || state_->tap.partial_successes() > state_->partial_successes_before_password;
  if (done) return {};
  // sshd says in this way that MaxAuthTries is used up: a refusal, not a lost connection.
  const bool refused =
      state_->disconnect_text &&
      (state_->disconnect_reason == SSH_DISCONNECT_NO_MORE_AUTH_METHODS_AVAILABLE ||
       state_->disconnect_text->starts_with("Too many authentication failures"));
  return fail(refused ? ErrorKind::auth : done.error().kind, done.error().message);
}

std::optional<bool> Session::password_taken() const {
  if (!state_->password_sent) return std::nullopt;
  return state_->password_taken;
}

}  // namespace fanout::ssh
