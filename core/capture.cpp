#include "gradus/core/capture.h"

#include "gradus/core/backend.h"
#include "gradus/core/recorded_step.h"

namespace gradus {

CapturedStep capture(std::function<void()> step) { return CapturedStep(std::move(step)); }

CapturedStep::CapturedStep(std::function<void()> step) : step_(std::move(step)) {}

void CapturedStep::operator()() {
  RecordedStep::refuse("capture", "calls another captured step");
  if (!device_) {
    const DevicesUsed used;
    step_();
    device_ = used.only("capture");
  } else if (*device_ == cpu) {
    step_();
  } else {
    if (!recording_) {
      const auto recording = std::make_shared<RecordedStep>(*device_);
      recording->record(step_);
      recording_ = recording;
    }
    recording_->replay();
  }
}

}  // namespace gradus
