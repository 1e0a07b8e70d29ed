// Products through cuBLASLt, which adds the bias as it writes the result.
#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <fmt/core.h>

#include <map>
#include <mutex>
#include <stdexcept>
#include <tuple>

#include "gradus/cuda/gemm_library.h"
#include "gradus/cuda/runtime.h"
#include "gradus/cuda/stream.h"

namespace gradus::cuda_kernels {
namespace {

constexpr size_t workspace_bytes = size_t(32) << 20;
constexpr uint32_t least_alignment = 16;  // of operands, in bytes; what lies elsewhere is told to the heuristic

void check(const char* call, cublasStatus_t status) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw std::runtime_error(fmt::format("{} says {}", call, cublasLtGetStatusName(status)));
}

// A handle of the library that is destroyed with its owner.
template <class Handle, cublasStatus_t (*destroy)(Handle)> class Owned {
 public:
  Owned() = default;
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  ~Owned() {
    if (handle_) destroy(handle_);
  }
  Handle* out() { return &handle_; }
  Handle get() const { return handle_; }

 private:
  Handle handle_ = nullptr;
};
using Layout = Owned<cublasLtMatrixLayout_t, cublasLtMatrixLayoutDestroy>;
using Description = Owned<cublasLtMatmulDesc_t, cublasLtMatmulDescDestroy>;
using Preference = Owned<cublasLtMatmulPreference_t, cublasLtMatmulPreferenceDestroy>;

template <class T> void set(const Description& d, cublasLtMatmulDescAttributes_t which, T value) {
  check("cublasLtMatmulDescSetAttribute", cublasLtMatmulDescSetAttribute(d.get(), which, &value, sizeof value));
}
template <class T> void set(const Layout& l, cublasLtMatrixLayoutAttribute_t which, T value) {
  check("cublasLtMatrixLayoutSetAttribute", cublasLtMatrixLayoutSetAttribute(l.get(), which, &value, sizeof value));
}
template <class T> void set(const Preference& p, cublasLtMatmulPreferenceAttributes_t which, T value) {
  check("cublasLtMatmulPreferenceSetAttribute",
        cublasLtMatmulPreferenceSetAttribute(p.get(), which, &value, sizeof value));
}

// rows × columns as they are after the operand's transposition.
void describe(Layout& l, cudaDataType type, int64_t rows, int64_t columns, const GemmForm::Operand& o, int64_t batch) {
  if (o.transposed) std::swap(rows, columns);
  check("cublasLtMatrixLayoutCreate",
        cublasLtMatrixLayoutCreate(l.out(), type, uint64_t(rows), uint64_t(columns), o.leading));
  set(l, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, int32_t(batch));
  set(l, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, o.step);
}

uint32_t alignment(const void* p) {
  const auto address = reinterpret_cast<uintptr_t>(p);
  uint32_t bytes = least_alignment;
  while (address % bytes) bytes /= 2;
  return bytes;
}

// A product as it was prepared: made once for every form, and kept.
struct Prepared {
  Description description;
  Layout left, right, to;
  cublasLtMatmulHeuristicResult_t chosen = {};
  bool possible = false;
};

using Key = std::tuple<int64_t, int64_t, int64_t, int64_t, bool, int64_t, int64_t, bool, int64_t, int64_t, int64_t,
                       int64_t, Dtype, bool, uint32_t, uint32_t, uint32_t>;

// What the library needs on one device.
struct Library {
  cublasLtHandle_t handle = nullptr;
  void* workspace = nullptr;
  std::map<Key, Prepared> prepared;
  std::mutex mutex;
};

Library& library() {
  static std::mutex mutex;
  static auto* const all = new std::map<int, Library>;  // outlives every tensor
  int device = 0;
  if (const cudaError_t error = cudaGetDevice(&device); error != cudaSuccess)
    throw std::runtime_error(fmt::format("cudaGetDevice says {}", cudaGetErrorString(error)));
  const std::lock_guard lock(mutex);
  Library& l = (*all)[device];
  if (!l.handle) {
    check("cublasLtCreate", cublasLtCreate(&l.handle));
    l.workspace = runtime::allocate(workspace_bytes);
    if (!l.workspace) throw std::bad_alloc();
  }
  return l;
}

void prepare(Prepared& p, cublasLtHandle_t handle, const GemmForm& f, Dtype dtype, bool biased, uint32_t left_alignment,
             uint32_t right_alignment, uint32_t to_alignment) {
  const bool single = dtype == Dtype::float32;
  const cudaDataType type = single ? CUDA_R_32F : CUDA_R_64F;
  // Not the TF32 that would round every factor to 10 bits.
  check("cublasLtMatmulDescCreate",
        cublasLtMatmulDescCreate(p.description.out(), single ? CUBLAS_COMPUTE_32F : CUBLAS_COMPUTE_64F, type));
  set(p.description, CUBLASLT_MATMUL_DESC_TRANSA, f.left.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(p.description, CUBLASLT_MATMUL_DESC_TRANSB, f.right.transposed ? CUBLAS_OP_T : CUBLAS_OP_N);
  if (biased) set(p.description, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
  describe(p.left, type, f.m, f.k, f.left, f.batch);
  describe(p.right, type, f.k, f.n, f.right, f.batch);
  describe(p.to, type, f.m, f.n, f.to, f.batch);
  Preference preference;
  check("cublasLtMatmulPreferenceCreate", cublasLtMatmulPreferenceCreate(preference.out()));
  set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace_bytes);
  // Sums in one order: what splits k must add its parts up in the workspace, and not in whatever order they finish.
  set(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
      uint32_t(CUBLASLT_REDUCTION_SCHEME_MASK & ~CUBLASLT_REDUCTION_SCHEME_INPLACE));
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, left_alignment);
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, right_alignment);
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, to_alignment);
  set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, to_alignment);
  int found = 0;
  const cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(handle, p.description.get(), p.left.get(), p.right.get(), p.to.get(), p.to.get(),
                                     preference.get(), 1, &p.chosen, &found);
  if (status != CUBLAS_STATUS_NOT_SUPPORTED) check("cublasLtMatmulAlgoGetHeuristic", status);
  p.possible = status == CUBLAS_STATUS_SUCCESS && found > 0;
}

}  // namespace

bool multiply_by_library(const GemmForm& f, Dtype dtype, const void* a, const void* b, const void* bias, void* to) {
  constexpr size_t most_forms = 512;
  if (f.m == 0 || f.n == 0 || f.k == 0 || f.batch == 0) return false;
  if (bias && dtype != Dtype::float32) return false;  // the epilogue is for single precision and below
  Library& l = library();
  const std::lock_guard lock(l.mutex);
  if (l.prepared.size() >= most_forms) l.prepared.clear();
  const uint32_t left = alignment(b), right = alignment(a), result = alignment(to);
  const Key key = {f.m,
                   f.n,
                   f.k,
                   f.batch,
                   f.left.transposed,
                   f.left.leading,
                   f.left.step,
                   f.right.transposed,
                   f.right.leading,
                   f.right.step,
                   f.to.leading,
                   f.to.step,
                   dtype,
                   bias != nullptr,
                   left,
                   right,
                   result};
  const auto [at, fresh] = l.prepared.try_emplace(key);
  Prepared& p = at->second;
  if (fresh) prepare(p, l.handle, f, dtype, bias != nullptr, left, right, result);
  if (!p.possible) return false;
  if (bias) set(p.description, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  const float one = 1, zero = 0;
  const double precise_one = 1, precise_zero = 0;
  const bool single = dtype == Dtype::float32;
  check("cublasLtMatmul",
        cublasLtMatmul(l.handle, p.description.get(), single ? static_cast<const void*>(&one) : &precise_one, b,
                       p.left.get(), a, p.right.get(), single ? static_cast<const void*>(&zero) : &precise_zero, to,
                       p.to.get(), to, p.to.get(), &p.chosen.algo, l.workspace, workspace_bytes, runtime::stream()));
  return true;
}

}  // namespace gradus::cuda_kernels
