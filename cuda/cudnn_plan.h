// Convolutions as cuDNN plans them: its graph API, whose descriptors are set, finalised and asked one attribute at a
// time.  A plan can be made from a description of a device alone, where there is none.
#pragma once
#include <cudnn.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "gradus/core/backend.h"

namespace gradus::cudnn {

// A backend descriptor, destroyed with its owner.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type);
  Descriptor(Descriptor&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();

  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count, const void* values);
  void set(cudnnBackendAttributeName_t name, const Descriptor& other);
  void set(cudnnBackendAttributeName_t name, std::initializer_list<int64_t> values);
  void finalise();
  // Up to `most` elements of an attribute; how many there are.
  int64_t get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t most, void* values) const;
  std::vector<Descriptor> list(cudnnBackendAttributeName_t name, cudnnBackendDescriptorType_t type, int64_t most) const;
  cudnnBackendDescriptor_t handle() const { return handle_; }

 private:
  cudnnBackendDescriptor_t handle_ = nullptr;
};

// What cuDNN knows of a device: of the one that is there, or as its JSON describes one.
Descriptor properties_of(int device);
Descriptor properties_from(const std::string& json);
std::string json_of(const Descriptor& properties);

// The tensors of a plan by the numbers that its variant pack gives them.
enum : int64_t { input_id = 1, weight_id = 2, output_id = 3 };

struct Plan {
  Descriptor execution;
  int64_t workspace_bytes;
};
// The first plan in cuDNN's order that computes in the tensors' own precision and in one order of sums; none where it
// has no such plan.
std::optional<Plan> plan_for(const ConvolutionCall& call, const Descriptor& properties);

}  // namespace gradus::cudnn
