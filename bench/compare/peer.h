// The peer: a Python process that does the same work in PyTorch, one row after the other, when it is told to.
#pragma once
#include <cstdio>
#include <string>
#include <vector>

namespace gradus::bench {

class Peer {
 public:
  // Starts `python script`, with `environment` ("NAME=VALUE" …) added to ours.
  Peer(const std::string& python, const std::string& script, const std::vector<std::string>& environment);
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer();

  const std::string& versions() const { return versions_; }  // of PyTorch, its BLAS and threads; "" where it cannot run
  const std::string& trouble() const { return trouble_; }    // why it cannot
  // "" when the row is ready, else why the peer cannot do it.
  std::string prepare(const std::string& row);
  // Seconds for so many repetitions of the row that was prepared last.
  double run(int repetitions);

 private:
  std::string ask(const std::string& line);

  int process_ = -1;
  std::FILE *to_ = nullptr, *from_ = nullptr;
  std::string versions_, trouble_;
};

}  // namespace gradus::bench
