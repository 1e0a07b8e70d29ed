#include "gradus/cli/progress.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string_view>

namespace gradus {
namespace {

constexpr int plain_lines = 10;  // how many lines a run writes where there is no terminal
constexpr auto redraw_interval = std::chrono::milliseconds(50);  // faster than the eye, slower than the training

int columns_of(FILE* stream) {
  winsize size = {};
  return ::ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string grouped(double number) {  // 12,345
  std::string digits = fmt::format("{:.0f}", number);
  for (auto i = int(digits.size()) - 3; i > 0; i -= 3) digits.insert(size_t(i), 1, ',');
  return digits;
}

}  // namespace

bool on_terminal(FILE* stream) {
  const char* kind = std::getenv("TERM");
  return ::isatty(fileno(stream)) && !(kind && std::string_view(kind) == "dumb");
}

std::string duration_text(double seconds) {
  if (seconds < 59.95) return fmt::format("{:.1f} s", seconds);
  const auto whole = std::lround(seconds);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole % 3600 / 60);
}

Progress::Progress(int64_t epochs, int64_t steps, FILE* out, int64_t done, RunningMean loss)
    : epochs_(epochs), steps_(steps), done_(done), before_(done), out_(out), bar_(on_terminal(out)), loss_(loss) {}

Progress::~Progress() {
  if (bar_) fmt::print(out_, "\r\033[K");
  std::fflush(out_);
}

void Progress::step(double loss, int64_t samples) {
  if (done_ % steps_ == 0) loss_.reset();
  loss_.add(loss, double(samples));
  samples_ += samples;
  ++done_;
  if (bar_ && Clock::now() - drawn_ >= redraw_interval) draw();
}

std::string Progress::figures() const {
  return fmt::format("loss {:<9.4g}{} {:>9} samples/s", loss_.mean(), accuracy_,
                     grouped(double(samples_) / std::max(elapsed(), 1e-9)));
}

void Progress::draw() {
  drawn_ = Clock::now();
  const int64_t all = epochs_ * steps_;
  const double share = double(done_) / double(all), left = elapsed() / double(done_ - before_) * double(all - done_);
  const std::string head = fmt::format("epoch {}/{} ", std::min(epochs_, done_ / steps_ + 1), epochs_);
  const std::string tail = fmt::format(" {:3.0f} %  {}  {} left", 100 * share, figures(), duration_text(left));
  const int width = std::clamp(columns_of(out_) - int(head.size() + tail.size()) - 3, 0, 40),
            filled = int(share * width);
  const std::string bar =
      width < 5 ? ""
                : fmt::format("[{}{}]", std::string(size_t(filled), '='), std::string(size_t(width - filled), ' '));
  fmt::print(out_, "\r\033[K{}", (head + bar + tail).substr(0, size_t(columns_of(out_) - 1)));
  std::fflush(out_);
}

void Progress::end_epoch(const NamedNumbers& scores) {
  accuracy_.clear();
  for (const auto& [name, value] : scores) {
    if (name == "test_accuracy") accuracy_ = fmt::format(" accuracy {:6.2f} % ", 100 * value);
    if (name == "precision_at_1") accuracy_ = fmt::format(" precision@1 {:6.2f} % ", 100 * value);
  }
  const int64_t epoch = done_ / steps_, every = (epochs_ + plain_lines - 1) / plain_lines;
  if (epoch % every != 0 && epoch != epochs_) return;
  const int digits = int(std::to_string(epochs_).size());
  fmt::print(out_, "{}epoch {:>{}}/{}  {}\n", bar_ ? "\r\033[K" : "  ", epoch, digits, epochs_, figures());
  std::fflush(out_);
}

void Progress::say(const std::string& text) const {
  fmt::print(out_, "{}{}\n", bar_ ? "\r\033[K" : "  ", text);
  std::fflush(out_);
}

}  // namespace gradus
