// The checks that the options of several optimisers and schedules share.
#pragma once
#include <cstdint>

namespace gradus {

// ParamErrors of the form `op: got name = value, wanted …; advice`.
constexpr const char* keep_default = "leave it at its default";
void check_not_negative(const char* op, const char* name, double value, const char* advice = keep_default);
void check_positive(const char* op, const char* name, double value, const char* advice = keep_default);
void check_decay(const char* op, const char* name, double value);  // in [0, 1)
void check_at_least_one(const char* op, const char* name, int64_t value, const char* advice);

}  // namespace gradus
