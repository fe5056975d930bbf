// How the script knows what belongs to the command: $PPID is the server's process for this connection, and whatever has that
// one, or a process so found, for its parent, leader of its session or of its process group, is of this connection. So a child
// whose parent has ended is found by its session (dropbear calls setsid(2) once for each connection), and one that has left
// the session by its parent. This is only true of servers with a process for each connection; with others $PPID would
// be the parent of everybody's commands, which is why stop_way() names the servers.
//
// Nobody else is harmed: not PID 1, not $PPID, not the script and its children, nor, where there is /proc, a process that has
// got the number of one that ended, since the time at which it was started belongs to the name. As root that matters.
#include "stop_script.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "shell_words.hpp"

namespace fanout::worker {

namespace {

constexpr std::string_view mark = "fanout-stop ";

// 7.9 is the first that delivers them (OpenSSH, release notes of 7.9, bz#1424), to the process group of the command.
constexpr int first_major = 7;
constexpr int first_minor = 9;

// The variables: p server, g grace in tenths of seconds, r all numbers that were found so far and p, m the processes to be
// signalled as PID:START, o our own, v all processes as PID:PARENT:GROUP:SESSION:START.
//   e  is process $1 alive? a parent, b group, c session, d start. Of /proc/PID/stat what comes behind the last ") ", because
//      a program may have any name; a zombie is not alive.
//   y  takes such a word apart
//   s  makes v; of systems without such a /proc, POSIX knows no state of a process, but all have one of these two
//   k  finds the processes; ps and the shell that asks it are two deep
//   z  is any of them alive?
//   h0 is set where /proc hides the processes of others (hidepid, proc(5)): then none that is seen does not mean that there is
//      none, and nobody is told how many are left
//   t  a tenth of a second, or a whole one where sleep knows no fractions
// A session that is neither the server's nor our own would say that $PPID is not what we take it for: the server has gone, and
// somebody else has adopted us.
constexpr std::string_view script =
    R"sh(trap "" PIPE HUP; exec 2>/dev/null; p=$PPID; g=$1; r=" $p "; m=" "; )sh"
    R"sh(say() { printf "\nfanout-stop %s\n" "$1"; }; say begun; [ "$p" -gt 1 ] || exit; )sh"
    R"sh(if [ -r /proc/$$/stat ] && cd /proc; then [ -r 1/stat ] || h0=hidden; )sh"
    R"sh(e() { l=; while IFS= read -r x; do l="$l $x"; done <"$1/stat" || return 1; )sh"
    R"sh(set -- $1 ${l##*") "}; case $2 in ""|Z|X|x) return 1 ;; esac; a=$3; b=$4; c=$5; d=${21}; }; )sh"
    R"sh(s() { v=; for f in [0-9]*; do e $f && v="$v $f:$a:$b:$c:$d"; done; }; )sh"
    R"sh(else e() { d=0; kill -0 $1; }; )sh"
    R"sh(s() { v=; set -- $(w="ps -A -o pid= -o ppid= -o pgid= -o"; $w stat= || $w s=); )sh"
    R"sh(while [ $# -gt 3 ]; do case $4 in Z*) ;; *) v="$v $1:$2:$3:$3:0" ;; esac; shift 4; done; }; fi; )sh"
    R"sh(y() { IFS=:; set -- $1; unset IFS; i=$1; a=$2; b=$3; c=$4; d=$5; }; )sh"
    R"sh(k() { s; o=" $$ "; n=" "; h=1; )sh"
    R"sh(for w in $v $v; do y $w; case $o in *" $a "*) o="$o$i " ;; esac; )sh"
    R"sh([ $i = $$ ] && [ $c -ne $p ] && [ $c -ne $$ ] && exit; )sh"
    R"sh([ $i = $p ] && continue; case $m in *" $i:$d "*) continue ;; esac; )sh"
    R"sh(case $r in *" $i "*) r="${r%% $i *} ${r#* $i }" ;; esac; done; )sh"
    R"sh(while [ $h = 1 ]; do h=0; for w in $v; do y $w; [ $i -gt 1 ] && [ $i -ne $p ] || continue; )sh"
    R"sh(case $o in *" $i "*) continue ;; esac; case $n in *" $i:$d "*) continue ;; esac; )sh"
    R"sh(case $m in *" $i:$d "*) ;; *) case $r in *" $a "*|*" $b "*|*" $c "*) ;; *) continue ;; esac ;; esac; )sh"
    R"sh(n="$n$i:$d "; h=1; case $r in *" $i "*) ;; *) r="$r$i " ;; esac; done; done; m=$n; }; )sh"
    R"sh(z() { for w in $m; do e ${w%%:*} && [ $d = ${w##*:} ] && return; done; return 1; }; )sh"
    R"sh(u() { for w in $m; do kill -$1 ${w%%:*}; done; }; )sh"
    R"sh(t() { if sleep 0.1; then i=1; else sleep 1; i=10; fi; j=$(($j + $i)); }; )sh"
    R"sh(q() { c=0; for w in $m; do c=$(($c + 1)); done; say $1=$c; }; )sh"
    R"sh(k; u TERM; q found; [ $c = 0 ] && exit; j=0; )sh"
    R"sh(while [ $j -lt $g ]; do t; z && continue; k; [ "$m" = " " ] && { q ${h0:-left}; exit; }; u TERM; done; )sh"
    R"sh(k; u KILL; j=0; while [ $j -lt 15 ]; do t; z && continue; k; [ "$m" = " " ] && break; u KILL; done; )sh"
    R"sh(k; q ${h0:-left})sh";

std::optional<int> number_after(std::string_view line, std::string_view word) {
  if (!line.starts_with(word)) return std::nullopt;
  line.remove_prefix(word.size());
  int number = 0;
  const char *const last = line.data() + line.size();
  const auto [end, error] = std::from_chars(line.data(), last, number);
  if (error != std::errc() || end != last || number < 0) return std::nullopt;
  return number;
}

}  // namespace

StopWay stop_way(std::string_view identification) {
  constexpr std::string_view openssh = "-OpenSSH_";
  if (identification.find("-dropbear") != std::string_view::npos)
    return StopWay::script_then_signals;
  const std::size_t name = identification.find(openssh);
  if (name == std::string_view::npos) return StopWay::signals;
  identification.remove_prefix(name + openssh.size());
  int major = 0;
  int minor = 0;
  const char *const last = identification.data() + identification.size();
  const auto [point, bad_major] = std::from_chars(identification.data(), last, major);
  // Windows has no such shell.
  if (bad_major != std::errc() || point == last || *point != '.') return StopWay::signals;
  if (std::from_chars(point + 1, last, minor).ec != std::errc()) return StopWay::signals;
  const bool delivers = major > first_major || (major == first_major && minor >= first_minor);
  return delivers ? StopWay::signals : StopWay::script_then_signals;
}

std::string stop_command(core::Milliseconds grace) {
  // In the place of the login shell, or that would be $PPID.
  return "exec " + sh(script, {fmt::format("{}", std::max<long long>(0, grace.count() / 100))});
}

StopAnswer read_stop_answer(std::string_view output) {
  StopAnswer answer;
  // A line counts when all of it has come.
  for (std::size_t end = 0; (end = output.find('\n')) != std::string_view::npos;
       output.remove_prefix(end + 1)) {
    std::string_view line = output.substr(0, end);
    if (!line.starts_with(mark)) continue;
    line.remove_prefix(mark.size());
    if (line == "begun") answer.begun = true;
    if (const auto found = number_after(line, "found=")) answer.found = found;
    if (const auto left = number_after(line, "left=")) answer.left = left;
  }
  return answer;
}

}  // namespace fanout::worker
