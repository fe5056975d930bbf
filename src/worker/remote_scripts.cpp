#include "remote_scripts.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

namespace fanout::worker {

using core::ErrorKind;
using core::fail;
using core::Result;

namespace {

constexpr std::size_t max_line_bytes = 16 * 1024;
constexpr std::string_view mark = "fanout: ";

}  // namespace

// A command that works in silence is no command that hangs: a NUL on stderr now and then is what --stall-timeout needs to
// see. The sleep has no hold on any stream, or the server would wait for its end. "$! " with the space is for csh.
#define FANOUT_PULSE(argument)                                            \
  "( while sleep \"${" argument                                           \
  ":-5}\" </dev/null >/dev/null 2>&1; do printf \"\\000\" >&2; done ) & " \
  "s=$! ; "

#define FANOUT_PULSE_END "kill $s 2>/dev/null; exit $e"

// Goes into the staging folder $1, which is in a folder that others may be able to write to. A link that somebody has put
// in its place ends under another name. A folder of somebody else's is refused, unless what we make is not ours either
// (mounts that know one owner only), or the shell has no -O.
#define FANOUT_ENTER                                                                               \
  "CDPATH= cd -P \"$1\" || exit; "                                                                 \
  "if [ \"${PWD##*/}\" = \"${1##*/}\" ]; then :; else echo \"it was exchanged for a link\" >&2; "  \
  "exit 2; fi; "                                                                                   \
  "( set -C; : >o ) 2>/dev/null; [ -O o ] 2>/dev/null; o=$?; [ -O . ] 2>/dev/null; o=$o$?; rm -f " \
  "o; "                                                                                            \
  "if [ $o = 01 ]; then echo \"it belongs to somebody else\" >&2; exit 2; fi; "

// The probe: an xargs without -0 would take NULs for parts of names. What comes first on stdout is a newline, because a
// greeting of the host need not have ended its line.
const std::string_view hash_script =
    R"sh(h() { printf "\nfanout: %s\n" "$1"; shift; xargs -0 "$@"; e=$?; }; )sh"
    R"sh(if [ "$(printf "a\000" | xargs -0 echo 2>/dev/null)" = a ]; )sh"
    R"sh(then :; )sh"
    R"sh(else echo "no xargs -0" >&2; exit 127; fi; )sh" FANOUT_PULSE(
        "1") R"sh(if command -v sha256sum >/dev/null; then h sha256sum sha256sum; )sh"
             R"sh(elif command -v shasum >/dev/null; then h shasum shasum -a 256; )sh"
             R"sh(elif command -v openssl >/dev/null; then h openssl openssl dgst -sha256 -r; )sh"
             R"sh(elif command -v sha256 >/dev/null; then h sha256 sha256 -r; )sh"
             R"sh(else echo "no sha256sum, shasum, openssl or sha256" >&2; e=127; fi; )sh" FANOUT_PULSE_END;

// By one stat if it can say something of each, and it fails if it cannot. A stat of the other kind may print before it fails,
// so what it prints counts only when it has succeeded.
const std::string_view look_again_script =
    R"sh(g() { stat -L -c "%s %Y" "$@" 2>/dev/null; }; )sh"
    R"sh(b() { stat -L -f "%z %m" "$@" 2>/dev/null; }; )sh"
    R"sh(l() { set -f; set -- $(ls -dlnL "$1" 2>/dev/null); set +f; echo "${5:-gone}"; }; )sh"
    R"sh(if o=$(g "$@") || o=$(b "$@"); then :; )sh"
    R"sh(else o=$(for f do if x=$(g "$f") || x=$(b "$f"); then echo "$x"; else l "$f"; fi; done); fi; )sh"
    R"sh(echo; i=0; echo "$o" | while read -r x; do echo "fanout: $i $x"; i=$(($i + 1)); done)sh";

// The input of a job in the background would be /dev/null, so it is the sign of life that goes there and not tar. A sync that
// does not know -f flushes everything, which is right as well and only takes longer.
const std::string_view unpack_script = FANOUT_ENTER
    R"sh(p=--no-same-permissions; )sh"
    R"sh(if dd if=/dev/zero bs=1024 count=1 2>/dev/null | tar $p -tf - >/dev/null 2>&1; then :; )sh"
    R"sh(else echo "tar is not there, or does not know $p" >&2; exit 2; fi; )sh" FANOUT_PULSE(
        "2") R"sh(tar $p -xmof -; e=$?; [ $e = 0 ] && { sync -f . 2>/dev/null || sync; e=$?; }; )sh" FANOUT_PULSE_END;

const std::string_view unpack_exactly_script = FANOUT_ENTER FANOUT_PULSE(
    "2") R"sh(tar -xpof -; e=$?; [ $e = 0 ] && { sync -f . 2>/dev/null || sync; e=$?; }; )sh" FANOUT_PULSE_END;

// Whoever still waits for an answer of scp gets one that scp itself could give.
const std::string_view receive_script =
    R"sh(mkdir -m 700 "$1" || exit; command -v scp >/dev/null || { echo "scp: not found" >&2; exit 127; }; )sh" FANOUT_ENTER
    R"sh(scp $2 -t .; e=$?; )sh" FANOUT_PULSE(
        "3") R"sh(sync -f . 2>/dev/null || sync; printf "\002it has ended too early\nfanout:\n"; ls -ln .; )sh" FANOUT_PULSE_END;

#undef FANOUT_ENTER
#undef FANOUT_PULSE
#undef FANOUT_PULSE_END

const std::string_view listing_mark = "fanout:";

// w gives $p the word. The point keeps newlines at the end of a name; mv and mkdir get /dev/null, because the standard input
// is the script. mv onto a directory would move into it: -T forbids that where it is known, and where it is not, the look
// before leaves a gap that only somebody with write access to that folder could use.
//
// chmod follows links, and so do paths: modes and owners are set from inside, by names in a folder that was looked at after it
// was entered. b goes into a directory that is $p and no link elsewhere, v into the staging folder, and both only in subshells.
// u looks at the staging folder from outside, before each mv; the gap behind that look is short, but it is there.
const std::string_view put_functions = R"sh(LC_ALL=C; export LC_ALL; CDPATH=
n='
'
w() { case $1 in *\\*) p=$(printf %b. "$1"); p=${p%.} ;; *) p=$1 ;; esac; }
say() { printf '%s\n' "fanout: $*"; }
no() { say "$1" no "${2%%"$n"*}"; }
l() {
  w "$2"
  if [ -d "$p" ]; then
    if [ -L "$p" ]; then say "$1" L; else say "$1" d; fi
  elif [ -L "$p" ]; then say "$1" l
  elif [ -f "$p" ]; then
    k=$1; set -f; set -- $(ls -ldn "$p" 2>/dev/null </dev/null); set +f
    say "$k" f "$1" "$3" "$4" "$5"
  elif [ -e "$p" ]; then say "$1" o
  else say "$1" n
  fi
}
d() {
  w "$3"
  if [ ! -d "$p" ] && [ ! -L "$p" ] && [ ! -e "$p" ]; then
    if e=$( { [ -z "$2" ] || umask "$2"; mkdir "$p"; } 2>&1 </dev/null ); then say "$1" made; return; fi
    [ -d "$p" ] || { no "$1" "$e"; return; }
  fi
  l "$1" "$3"
}
b() {
  if [ -L "$p" ] || [ ! -d "$p" ]; then echo 'is no directory'; return 1; fi
  cd -P "$p" || return
  case ${p##*/} in
    '' | . | ..) ;;
    *) [ "${p##*/}" = "${PWD##*/}" ] || { echo 'was exchanged for a link'; return 1; } ;;
  esac
}
u() {
  if [ -d "$g" ] && [ ! -L "$g" ] && { [ -z "$y" ] || [ -O "$g" ]; }; then return; fi
  echo 'the staging folder was exchanged'; return 1
}
v() { p=$g; u && b; }
g() {
  w "$1"; g=$p; y=
  y=$( v >/dev/null 2>&1 && {
      ( set -C; : >a ); [ -O a ] && printf O; mv -fT a b && printf T; rm -f a b
    } 2>/dev/null </dev/null )
  case $y in *T) t=T ;; *) t= ;; esac
  y=${y%T}
}
c() {
  m=$1; shift
  ( e=$(v 2>&1) && v >/dev/null 2>&1 || { for i do no "$i" "$e"; done; exit; }
    for i do
      if [ -L "$i" ] || [ ! -f "$i" ]; then no "$i" 'is no regular file'
      elif e=$(chmod "$m" "$i" 2>&1); then :
      else no "$i" "$e"; rm -f "$i"
      fi
    done ) </dev/null
}
o() { m=$1; shift; ( v && for i do chown -h "$m" "$i" || :; done ) >/dev/null 2>&1 </dev/null || :; }
f() {
  w "$2"
  if [ -d "$p" ]; then say "$1" d; return; fi
  if e=$( { u && mv -f$t "$g/$1" "$p"; } 2>&1 </dev/null ); then say "$1" ok; else no "$1" "$e"; fi
}
x() {
  w "$3"; q=$p; w "$2"
  if [ -d "$p" ]; then say "$1" d; return; fi
  if e=$( { u && mv -f$t "$g/$1" "$q" && { sync "$q" 2>/dev/null || sync; } && mv -f$t "$q" "$p"; } 2>&1 </dev/null )
  then say "$1" ok; else rm -f "$q" </dev/null; no "$1" "$e"; fi
}
t() {
  w "$4"; q=$p
  if e=$( {
      if [ -x "$p" ] || [ -L "$p" ]; then b && q=.; else [ -d "$p" ]; fi &&
        chmod "$2" "$q" && { [ -z "$3" ] || TZ=UTC0 touch -t "$3" "$q"; }
    } 2>&1 </dev/null )
  then say "$1" ok; else no "$1" "$e"; fi
}
r() {
  w "$2"
  if e=$( { rm -rf "$p/.fanout-$3" && rm -f "$p"/.*.fanout-"$3" "$p"/.*.fanout-"$3"-*; } 2>&1 </dev/null )
  then say "$1" ok; else no "$1" "$e"; fi
}
s() {
  w "$2"
  e=$(stat -c '%a %Y' "$p" 2>/dev/null </dev/null) || e=$(stat -f '%Lp %m' "$p" 2>&1 </dev/null) ||
    { no "$1" "$e"; return; }
  say "$1" "$e"
}
z() { if e=$( { u && rm -rf "$g"; } 2>&1 </dev/null ); then say "$1" ok; else no "$1" "$e"; fi; }
echo
)sh";

// Without find: shells know what to do with names, and no two finds agree. What a function is called with is its own even
// when it calls itself, and a list that a loop goes through is made once.
const std::string_view get_functions = R"sh(LC_ALL=C; export LC_ALL
w() { case $1 in *\\*) p=$(printf %b. "$1"); p=${p%.} ;; *) p=$1 ;; esac; }
say() { printf '%s%s\0' "$1" "$2"; }
k() {
  if [ -d "$1" ]; then
    say d "$1"
    [ "$2" = -r ] || return
    if [ ! -r "$1" ] || [ ! -x "$1" ]; then say x "$1"
    elif [ "$3" -gt 256 ]; then say y "$1"
    else for f in "${1%/}"/* "${1%/}"/.[!.]* "${1%/}"/..?*; do
        if [ -L "$f" ]; then say l "$f"
        elif [ -e "$f" ]; then k "$f" "$2" $(($3 + 1))
        fi
      done
    fi
  elif [ -f "$1" ]; then say f "$1"
  elif [ -e "$1" ]; then say o "$1"
  else say n "$1"
  fi
}
p() { w "$1"; k "$p" "$2" 1; }
e() {
  w "$1"; IFS=
  for f in $p; do if [ -L "$f" ] || [ -e "$f" ]; then k "$f" "$2" 1; else say n "$f"; fi; done
}
printf '\nfanout:\0'
)sh";

std::string pulse_of(core::Milliseconds stall_timeout) {
  // A second is what every sleep knows; more than these few are not needed.
  constexpr std::int64_t longest = 5;
  const auto third = std::chrono::duration_cast<std::chrono::seconds>(stall_timeout / 3).count();
  return std::to_string(std::clamp<std::int64_t>(third, 1, longest));
}

Result<void> ScriptOutput::add(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    if (line_.size() + piece.size() > max_line_bytes)
      return fail(ErrorKind::protocol, "the host sent an endless line instead of an answer");
    line_ += piece;
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(end + 1);
    const std::string line = std::exchange(line_, {});
    if (!line.starts_with(mark)) continue;
    std::uint64_t number = 0;
    const char *const last = line.data() + line.size();
    const auto [stop, error] = std::from_chars(line.data() + mark.size(), last, number);
    if (error != std::errc() || stop == last || *stop != ' ') continue;
    take_(number, std::string_view(stop + 1, static_cast<std::size_t>(last - stop - 1)));
  }
  return {};
}

std::optional<std::uint32_t> parse_ls_mode(std::string_view text) {
  constexpr std::size_t length = 10;
  if (text.size() < length) return std::nullopt;
  constexpr std::string_view letters = "rwxrwxrwx";
  std::uint32_t mode = 0;
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const char c = text[i + 1];
    const std::uint32_t bit = 0400U >> i;
    const std::uint32_t special = i == 2 ? 04000U : i == 5 ? 02000U : 01000U;
    const bool executes = i % 3 == 2;
    if (c == letters[i])
      mode |= bit;
    else if (executes && (c == 's' || c == 't'))
      mode |= bit | special;
    else if (executes && (c == 'S' || c == 'T'))
      mode |= special;
    else if (c != '-')
      return std::nullopt;
  }
  return mode;
}

}  // namespace fanout::worker
