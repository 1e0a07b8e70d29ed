// Compiled where protobuf and ISA-L, whose CRC-32C it uses, are at hand; event_file_absent.cpp stands in elsewhere.
#include "gradus/cli/event_file.h"

#include <fmt/core.h>
#include <isa-l.h>
#include <unistd.h>

#include <chrono>

#include <event.pb.h>

namespace gradus {
namespace {

uint32_t masked_crc32c(const std::string& bytes) {
  auto* begin = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
  const uint32_t crc = ~crc32_iscsi(begin, int(bytes.size()), 0xffffffff);
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8;
}

template <class T> std::string little_endian(T number) {
  std::string bytes;
  for (size_t i = 0; i < sizeof(T); ++i) bytes += char(uint8_t(number >> (8 * i)));
  return bytes;
}

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

// All scores are of the test half; TensorBoard makes a group of what stands before the stroke.
std::string tag_of(const std::string& name) {
  return fmt::format("test/{}", name.starts_with("test_") ? name.substr(5) : name);
}

class EventFile : public MetricsSink {
 public:
  EventFile(const std::string& folder, int64_t step) {
    char host[256] = "localhost";
    ::gethostname(host, sizeof(host) - 1);
    path_ = fmt::format("{}/events.out.tfevents.{}.{}.{}", folder, int64_t(now()), host, ::getpid());
    tensorboard::Event version, start;
    version.set_file_version("brain.Event:2");
    start.set_step(step + 1);
    start.mutable_session_log()->set_status(tensorboard::SessionLog::START);
    write(version);
    if (step > 0) write(start);
  }
  void add(const EpochFigures& figures) override {
    tensorboard::Event event;
    event.set_step(figures.step);
    const auto put = [&](const std::string& tag, double value) {
      auto* entry = event.mutable_summary()->add_value();
      entry->set_tag(tag);
      entry->set_simple_value(float(value));
    };
    put("train/loss", figures.loss);
    put("train/lr", figures.lr);
    for (const auto& [name, value] : figures.scores) put(tag_of(name), value);
    write(event);
  }

 private:
  void write(tensorboard::Event& event) const {
    event.set_wall_time(now());
    append_to_file(path_, event_record(event.SerializeAsString()));
  }
  std::string path_;
};

}  // namespace

void check_event_files() {}

std::unique_ptr<MetricsSink> event_file(const std::string& folder, int64_t step) {
  return std::make_unique<EventFile>(folder, step);
}

std::string event_record(const std::string& bytes) {
  const std::string length = little_endian(uint64_t(bytes.size()));
  return length + little_endian(masked_crc32c(length)) + bytes + little_endian(masked_crc32c(bytes));
}

}  // namespace gradus
