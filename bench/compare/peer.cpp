#include "gradus/bench/compare/peer.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace gradus::bench {

Peer::Peer(const std::string& python, const std::string& script, const std::vector<std::string>& environment) {
  int down[2], up[2];
  // Not for the next peer to inherit: this one ends when its standard input does.
  if (pipe2(down, O_CLOEXEC) != 0 || pipe2(up, O_CLOEXEC) != 0) {
    trouble_ = "no pipe could be made";
    return;
  }
  std::signal(SIGPIPE, SIG_IGN);  // a peer that ends is noticed when it does not answer
  process_ = fork();
  if (process_ == 0) {
    dup2(down[0], STDIN_FILENO);
    dup2(up[1], STDOUT_FILENO);
    for (const std::string& entry : environment)
      setenv(entry.substr(0, entry.find('=')).c_str(), entry.substr(entry.find('=') + 1).c_str(), 1);
    execlp(python.c_str(), python.c_str(), "-W", "ignore", script.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  close(down[0]);
  close(up[1]);
  to_ = fdopen(down[1], "w");
  from_ = fdopen(up[0], "r");
  const std::string hello = ask("hello");
  if (hello.rfind("torch ", 0) == 0) versions_ = hello;
  else trouble_ = hello.empty() ? fmt::format("{} does not run {}", python, script) : hello;
}

Peer::~Peer() {
  if (to_) std::fclose(to_);
  if (from_) std::fclose(from_);
  if (process_ > 0) waitpid(process_, nullptr, 0);
}

std::string Peer::ask(const std::string& line) {
  std::fprintf(to_, "%s\n", line.c_str());
  std::fflush(to_);
  char answer[512];
  if (!std::fgets(answer, sizeof answer, from_)) return "";
  std::string text = answer;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::string Peer::prepare(const std::string& row) {
  const std::string answer = ask("row " + row);
  return answer == "ready" ? "" : answer.empty() ? "the peer has ended" : answer;
}

double Peer::run(int repetitions) { return std::strtod(ask(fmt::format("run {}", repetitions)).c_str(), nullptr); }

}  // namespace gradus::bench
