// An SSH server for tests of scale: thousands of sessions in one process, so that what is measured is the client.
//
//   lean_server --host-key FILE --authorized-keys FILE [--port N] [--listen ADDRESS]... [--hold N] [--hold-for SECONDS]
//
// It listens on 0.0.0.0, so every address 127.x.y.z is another host; `--listen` names addresses instead. It prints its port
// when it is ready. Login is by public key alone, for any user, and the signature is verified. Commands are built in and
// start no process:
//
//   echo TEXT     prints TEXT
//   sleep:MS      ends after so many milliseconds
//   hold          ends when N commands have been in flight at one time, and so proves that they were; or, if they never
//                 are, with exit status 1 after the time of --hold-for
//
// Anything else has exit status 127. Lines on its standard input steer it, answers are lines on its standard output:
//
//   hold N        sets N of `hold`
//   keep N        the same, but prints "held" when N are in flight, and they wait for the next line:
//   release       ends whatever is held; who asks later is not held
//   statistics    prints a JSON line of what has been since the last one
//
// It ends by SIGTERM, or when its standard input does, and prints the statistics once more.
//
// What is hard: libssh's event loop polls every socket in every turn, which is quadratic in the sessions. Here each
// session has an ssh_event of its own, and only those are driven whose sockets epoll finds ready.

#include <arpa/inet.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const std::string &why) {
  std::fprintf(stderr, "lean_server: %s\n", why.c_str());
  std::exit(1);
}

[[noreturn]] void die_of_errno(std::string what) {
  what.append(": ").append(std::strerror(errno));
  die(what);
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

// The text after `word`, if that is what it begins with.
std::optional<std::string_view> after(std::string_view text, std::string_view word) {
  if (!text.starts_with(word)) return std::nullopt;
  return text.substr(word.size());
}

struct Options {
  std::string host_key;
  std::string authorized_keys;
  std::uint16_t port = 0;
  std::vector<std::string> addresses;
  std::size_t hold = 1;
  std::chrono::seconds hold_for{300};
};

struct KeyDeleter {
  void operator()(ssh_key key) const { ssh_key_free(key); }
};
using Key = std::unique_ptr<std::remove_pointer_t<ssh_key>, KeyDeleter>;

std::vector<Key> read_authorized_keys(const std::string &path) {
  std::ifstream file(path);
  if (!file) die("cannot read " + path);
  std::vector<Key> keys;
  std::string type;
  std::string base64;
  for (std::string rest; file >> type >> base64; std::getline(file, rest)) {
    ssh_key key = nullptr;
    if (ssh_pki_import_pubkey_base64(base64.c_str(), ssh_key_type_from_name(type.c_str()), &key) !=
        SSH_OK)
      die(std::string(path).append(": not a public key: ").append(type));
    keys.emplace_back(key);
  }
  return keys;
}

struct Statistics {
  std::uint64_t sessions = 0;
  std::uint64_t logins = 0;
  std::uint64_t commands = 0;
  std::uint64_t cut = 0;  // commands whose client left before they had ended
  std::size_t peak_sessions = 0;
  std::size_t peak_in_flight = 0;
  std::chrono::duration<double> slowest_login{};  // from the connection on
  double cpu_before = 0;
};

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval &time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

class Server;

// One connection. Callbacks of libssh only note down what was asked: the answer to a request is sent after its callback
// has returned, and must be there before the first output.
class Session {
public:
  Session(Server &server, ssh_session session, std::uint64_t number);
  ~Session();
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  // Begins the key exchange.
  bool start();
  // Takes what has arrived, sends what is waiting. False when the connection is over.
  bool turn();
  [[nodiscard]] bool wants_to_write() const {
    return (ssh_get_poll_flags(session_) & SSH_WRITE_PENDING) != 0;
  }
  // What the client has asked for since the last call.
  std::optional<std::string> take_command() { return std::exchange(command_, std::nullopt); }
  // Sends the output, the exit status and the end of the channel.
  void answer(std::string_view output, int status);

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::uint64_t number() const { return number_; }

  bool in_flight = false;
  bool held = false;
  bool waits_for_room = false;  // EPOLLOUT is asked for

private:
  static int on_key(ssh_session, const char *, ssh_key key, char state, void *self);
  static ssh_channel on_channel(ssh_session session, void *self);
  static int on_exec(ssh_session, ssh_channel, const char *command, void *self);

  Server &server_;
  ssh_session session_;
  ssh_event event_ = nullptr;
  ssh_channel channel_ = nullptr;  // libssh frees it with the session
  int fd_;
  std::uint64_t number_;
  Clock::time_point begin_ = Clock::now();
  std::optional<std::string> command_;
  ssh_server_callbacks_struct callbacks_{};
  ssh_channel_callbacks_struct channel_callbacks_{};
};

class Server {
public:
  explicit Server(const Options &options);
  ~Server() { ssh_bind_free(bind_); }
  Server(const Server &) = delete;
  Server &operator=(const Server &) = delete;

  void run();

  [[nodiscard]] bool is_authorized(ssh_key key) const {
    return std::any_of(keys_.begin(), keys_.end(), [key](const Key &known) {
      return ssh_key_cmp(known.get(), key, SSH_KEY_CMP_PUBLIC) == 0;
    });
  }
  void count_login(Clock::time_point since) {
    ++statistics_.logins;
    statistics_.slowest_login =
        std::max<std::chrono::duration<double>>(statistics_.slowest_login, Clock::now() - since);
  }

private:
  // The end of a command that nobody but the clock ends.
  struct Timer {
    Clock::time_point at;
    int fd;
    std::uint64_t session;
    bool operator>(const Timer &other) const { return at > other.at; }
  };

  void listen_on(const std::string &address, std::uint16_t port);
  void watch(int fd, std::uint32_t events);
  void accept_all(int listener);
  void drive(Session &session);
  void begin(Session &session, std::string_view command);
  void end_command(Session &session, std::string_view output, int status);
  void release();
  void close(Session &session);
  void fire_timers();
  [[nodiscard]] int poll_timeout() const;
  bool read_orders();
  void obey(std::string_view order);
  void print_statistics();

  Options options_;
  ssh_bind bind_;
  std::vector<Key> keys_;
  int epoll_;
  int signals_;
  std::vector<int> listeners_;
  std::vector<std::unique_ptr<Session>> sessions_;  // by descriptor
  std::size_t open_sessions_ = 0;
  std::size_t in_flight_ = 0;
  std::vector<std::pair<int, std::uint64_t>> held_;
  std::size_t held_now_ = 0;
  bool keep_ = false;
  bool is_open_ = false;  // so many have been in flight; nobody is held any longer
  bool stdin_is_open_ = true;
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;
  std::string orders_;
  Statistics statistics_;
  std::uint64_t next_number_ = 0;
};

// --- a session -------------------------------------------------------------------------------------------------------

Session::Session(Server &server, ssh_session session, std::uint64_t number)
    : server_(server), session_(session), fd_(ssh_get_fd(session)), number_(number) {
  callbacks_.userdata = this;
  callbacks_.auth_pubkey_function = on_key;
  callbacks_.channel_open_request_session_function = on_channel;
  ssh_callbacks_init(&callbacks_);
  channel_callbacks_.userdata = this;
  channel_callbacks_.channel_exec_request_function = on_exec;
  ssh_callbacks_init(&channel_callbacks_);
}

Session::~Session() {
  if (event_) {
    ssh_event_remove_session(event_, session_);
    ssh_event_free(event_);
  }
  ssh_disconnect(session_);
  ssh_free(session_);
}

bool Session::start() {
  ssh_set_blocking(session_, 0);
  ssh_set_auth_methods(session_, SSH_AUTH_METHOD_PUBLICKEY);
  ssh_set_server_callbacks(session_, &callbacks_);
  // Sends our identification. All that follows is driven by the packets that come.
  if (ssh_handle_key_exchange(session_) == SSH_ERROR) return false;
  event_ = ssh_event_new();
  return event_ && ssh_event_add_session(event_, session_) == SSH_OK;
}

bool Session::turn() {
  // libssh learns from poll(2) that it may read, and after each write that it may write again; so it is asked until
  // it has nothing to do. Bounded, because a client must not keep the others waiting.
  for (int turns = 0; turns < 32; ++turns) {
    const int result = ssh_event_dopoll(event_, 0);
    if (result == SSH_ERROR || !ssh_is_connected(session_)) return false;
    if (result == SSH_AGAIN || command_) break;
  }
  return (ssh_get_status(session_) & (SSH_CLOSED | SSH_CLOSED_ERROR)) == 0;
}

void Session::answer(std::string_view output, int status) {
  if (!channel_) return;
  if (!output.empty())
    ssh_channel_write(channel_, output.data(), static_cast<std::uint32_t>(output.size()));
  ssh_channel_request_send_exit_status(channel_, status);
  ssh_channel_send_eof(channel_);
  ssh_channel_close(channel_);
}

int Session::on_key(ssh_session, const char *, ssh_key key, char state, void *self) {
  Server &server = static_cast<Session *>(self)->server_;
  if (!server.is_authorized(key)) return SSH_AUTH_DENIED;
  if (state == SSH_PUBLICKEY_STATE_NONE) return SSH_AUTH_SUCCESS;  // a question, not yet a login
  if (state != SSH_PUBLICKEY_STATE_VALID) return SSH_AUTH_DENIED;
  server.count_login(static_cast<Session *>(self)->begin_);
  return SSH_AUTH_SUCCESS;
}

ssh_channel Session::on_channel(ssh_session session, void *self) {
  auto &that = *static_cast<Session *>(self);
  if (that.channel_) return nullptr;
  that.channel_ = ssh_channel_new(session);
  ssh_set_channel_callbacks(that.channel_, &that.channel_callbacks_);
  return that.channel_;
}

int Session::on_exec(ssh_session, ssh_channel, const char *command, void *self) {
  auto &that = *static_cast<Session *>(self);
  if (that.command_ || that.in_flight) return SSH_ERROR;
  that.command_ = command;
  return SSH_OK;
}

// --- the server ------------------------------------------------------------------------------------------------------

// As many descriptors as may be: root may go beyond the hard limit, up to what the system allows (fs.nr_open).
void raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  std::uint64_t most = 0;
  if (std::ifstream("/proc/sys/fs/nr_open") >> most && most > limit.rlim_max) {
    const rlimit higher{most, most};
    if (::setrlimit(RLIMIT_NOFILE, &higher) == 0) return;
  }
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

ssh_bind make_bind(const std::string &host_key) {
  ssh_bind bind = ssh_bind_new();
  if (!bind) die("out of memory");
  // The machine's own configuration of libssh is none of ours.
  bool process_config = false;
  ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &process_config);
  constexpr auto settings = std::to_array<std::pair<ssh_bind_options_e, const char *>>({
      {SSH_BIND_OPTIONS_KEY_EXCHANGE, "curve25519-sha256,curve25519-sha256@libssh.org"},
      {SSH_BIND_OPTIONS_CIPHERS_C_S,
       "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com"},
      {SSH_BIND_OPTIONS_CIPHERS_S_C,
       "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com"},
  });
  for (const auto &[option, value] : settings)
    if (ssh_bind_options_set(bind, option, value) != SSH_OK) die(ssh_get_error(bind));
  ssh_key key = nullptr;
  if (ssh_pki_import_privkey_file(host_key.c_str(), nullptr, nullptr, nullptr, &key) != SSH_OK)
    die("cannot read the host key " + host_key);
  if (ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, key) != SSH_OK)
    die(ssh_get_error(bind));
  return bind;
}

int open_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigprocmask(SIG_BLOCK, &signals, nullptr);
  return ::signalfd(-1, &signals, SFD_CLOEXEC);
}

Server::Server(const Options &options)
    : options_(options),
      bind_(make_bind(options.host_key)),
      keys_(read_authorized_keys(options.authorized_keys)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      signals_(open_signals()) {
  raise_descriptor_limit();
  if (epoll_ < 0 || signals_ < 0) die_of_errno("epoll");
  watch(signals_, EPOLLIN);
  watch(STDIN_FILENO, EPOLLIN);
  if (options_.addresses.empty()) options_.addresses.emplace_back("0.0.0.0");
  for (const std::string &address : options_.addresses) listen_on(address, options_.port);
  std::printf("%u\n", options_.port);
  std::fflush(stdout);
}

void Server::listen_on(const std::string &address, std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  // Inherited by what is accepted. Answers are several small packets in a row.
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in place{};
  place.sin_family = AF_INET;
  place.sin_port = htons(port);
  if (::inet_pton(AF_INET, address.c_str(), &place.sin_addr) != 1)
    die(address + " is not an address");
  socklen_t size = sizeof place;
  auto *const generic = reinterpret_cast<sockaddr *>(&place);
  if (fd < 0 || ::bind(fd, generic, size) != 0 || ::listen(fd, SOMAXCONN) != 0 ||
      ::getsockname(fd, generic, &size) != 0)
    die_of_errno("listen on " + address);
  options_.port = ntohs(place.sin_port);
  listeners_.push_back(fd);
  watch(fd, EPOLLIN);
}

void Server::watch(int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  // A file or /dev/null as standard input cannot be watched, and has nothing to say.
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0 && errno != EPERM)
    die_of_errno("epoll_ctl");
}

void Server::run() {
  std::array<epoll_event, 64> events{};
  for (bool stopped = false; !stopped && stdin_is_open_;) {
    const int count =
        ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), poll_timeout());
    // Few sessions a turn, and new connections first: a full queue of the listener would cost the client a second.
    for (const int listener : listeners_) accept_all(listener);
    for (int index = 0; index < count; ++index) {
      const int fd = events[static_cast<std::size_t>(index)].data.fd;
      const auto place = static_cast<std::size_t>(fd);
      if (fd == signals_)
        stopped = true;
      else if (fd == STDIN_FILENO)
        stdin_is_open_ = read_orders();
      else if (place < sessions_.size() && sessions_[place])
        drive(*sessions_[place]);
    }
    fire_timers();
  }
  print_statistics();
}

void Server::accept_all(int listener) {
  for (;;) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno != EAGAIN) die_of_errno("accept");
      return;
    }
    ssh_session raw = ssh_new();
    if (!raw || ssh_bind_accept_fd(bind_, raw, fd) != SSH_OK)
      die(std::string("accept: ") + ssh_get_error(bind_));
    auto session = std::make_unique<Session>(*this, raw, ++next_number_);
    if (!session->start()) continue;
    ++statistics_.sessions;
    statistics_.peak_sessions = std::max(statistics_.peak_sessions, ++open_sessions_);
    if (sessions_.size() <= static_cast<std::size_t>(fd))
      sessions_.resize(static_cast<std::size_t>(fd) + 1);
    sessions_[static_cast<std::size_t>(fd)] = std::move(session);
    watch(fd, EPOLLIN);
  }
}

void Server::drive(Session &session) {
  bool open = session.turn();
  while (open) {
    const auto command = session.take_command();
    if (!command) break;
    begin(session, *command);
    open = session.turn();
  }
  if (!open) return close(session);
  if (session.wants_to_write() == session.waits_for_room) return;
  session.waits_for_room = !session.waits_for_room;
  epoll_event event{};
  event.events = EPOLLIN;
  if (session.waits_for_room) event.events |= EPOLLOUT;
  event.data.fd = session.fd();
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, session.fd(), &event);
}

void Server::begin(Session &session, std::string_view command) {
  ++statistics_.commands;
  session.in_flight = true;
  statistics_.peak_in_flight = std::max(statistics_.peak_in_flight, ++in_flight_);
  if (const auto text = after(command, "echo ")) {
    end_command(session, std::string(*text) + "\n", 0);
  } else if (const auto wait = parse_number(after(command, "sleep:").value_or(""))) {
    timers_.push({Clock::now() + std::chrono::milliseconds(*wait), session.fd(), session.number()});
  } else if (command == "hold") {
    session.held = true;
    held_.emplace_back(session.fd(), session.number());
    timers_.push({Clock::now() + options_.hold_for, session.fd(), session.number()});
    ++held_now_;
    if (is_open_) return release();
    if (held_now_ != options_.hold) return;
    if (!keep_) return release();
    std::puts("held");
    std::fflush(stdout);
  } else {
    end_command(session, {}, 127);
  }
}

void Server::end_command(Session &session, std::string_view output, int status) {
  session.in_flight = false;
  --in_flight_;
  if (std::exchange(session.held, false)) --held_now_;
  session.answer(output, status);
}

void Server::release() {
  is_open_ = true;
  for (const auto &[fd, number] : std::exchange(held_, {})) {
    const auto &session = sessions_[static_cast<std::size_t>(fd)];
    if (!session || session->number() != number || !session->held) continue;
    end_command(*session, "held\n", 0);
    // What is still to be sent goes out as soon as the socket is found writable.
    session->waits_for_room = true;
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT;
    event.data.fd = fd;
    ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
  }
}

void Server::close(Session &session) {
  if (session.in_flight) {
    --in_flight_;
    ++statistics_.cut;
  }
  if (session.held) --held_now_;
  --open_sessions_;
  sessions_[static_cast<std::size_t>(session.fd())].reset();
}

void Server::fire_timers() {
  const Clock::time_point now = Clock::now();
  while (!timers_.empty() && timers_.top().at <= now) {
    const Timer timer = timers_.top();
    timers_.pop();
    const auto &session = sessions_[static_cast<std::size_t>(timer.fd)];
    if (!session || session->number() != timer.session || !session->in_flight) continue;
    if (session->held)
      end_command(*session, "not so many at one time\n", 1);
    else
      end_command(*session, {}, 0);
    drive(*session);
  }
}

int Server::poll_timeout() const {
  if (timers_.empty()) return -1;
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(timers_.top().at - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

bool Server::read_orders() {
  std::array<char, 4096> buffer{};
  const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (count <= 0) return count < 0 && errno == EINTR;
  orders_.append(buffer.data(), static_cast<std::size_t>(count));
  for (std::size_t end = 0; (end = orders_.find('\n')) != std::string::npos;
       orders_.erase(0, end + 1))
    obey(std::string_view(orders_).substr(0, end));
  return true;
}

void Server::obey(std::string_view order) {
  const auto hold = parse_number(after(order, "hold ").value_or(""));
  const auto keep = parse_number(after(order, "keep ").value_or(""));
  if (hold || keep) {
    options_.hold = static_cast<std::size_t>(hold ? *hold : *keep);
    keep_ = keep.has_value();
    is_open_ = false;
  } else if (order == "release") {
    release();
  } else if (order == "statistics") {
    print_statistics();
  } else {
    die("unknown order: " + std::string(order));
  }
}

void Server::print_statistics() {
  const double cpu = cpu_seconds();
  std::printf(
      "{\"sessions\": %ju, \"logins\": %ju, \"commands\": %ju, \"cut\": %ju, \"peak_sessions\": "
      "%zu, "
      "\"peak_in_flight\": %zu, \"slowest_login_seconds\": %.3f, \"cpu_seconds\": %.3f}\n",
      std::uintmax_t{statistics_.sessions}, std::uintmax_t{statistics_.logins},
      std::uintmax_t{statistics_.commands}, std::uintmax_t{statistics_.cut},
      statistics_.peak_sessions, statistics_.peak_in_flight, statistics_.slowest_login.count(),
      cpu - statistics_.cpu_before);
  std::fflush(stdout);
  statistics_ = {};
  statistics_.cpu_before = cpu;
  statistics_.peak_sessions = open_sessions_;
  statistics_.peak_in_flight = in_flight_;
}

Options parse_options(int argc, char **argv) {
  Options options;
  const auto number = [](const char *text, std::uint64_t most) {
    const auto value = parse_number(text);
    if (!value || *value > most) die(std::string("not a number, or too large: ") + text);
    return *value;
  };
  constexpr std::array names{option{"host-key", required_argument, nullptr, 'k'},
                             option{"authorized-keys", required_argument, nullptr, 'a'},
                             option{"port", required_argument, nullptr, 'p'},
                             option{"listen", required_argument, nullptr, 'l'},
                             option{"hold", required_argument, nullptr, 'n'},
                             option{"hold-for", required_argument, nullptr, 't'},
                             option{nullptr, 0, nullptr, 0}};
  for (int which = 0; (which = ::getopt_long(argc, argv, "", names.data(), nullptr)) != -1;) {
    switch (which) {
      case 'k': options.host_key = optarg; break;
      case 'a': options.authorized_keys = optarg; break;
      case 'p': options.port = static_cast<std::uint16_t>(number(optarg, 65535)); break;
      case 'l': options.addresses.emplace_back(optarg); break;
      case 'n': options.hold = static_cast<std::size_t>(number(optarg, 1'000'000)); break;
      case 't': options.hold_for = std::chrono::seconds(number(optarg, 86'400)); break;
      default: std::exit(2);
    }
  }
  if (optind != argc) die(std::string("unexpected argument: ") + argv[optind]);
  if (options.host_key.empty() || options.authorized_keys.empty())
    die("--host-key and --authorized-keys are needed");
  return options;
}

}  // namespace

int main(int argc, char **argv) {
  const Options options = parse_options(argc, argv);
  ssh_init();
  Server(options).run();
  // Whoever is still connected is cut by the end of the process.
  std::_Exit(0);
}
