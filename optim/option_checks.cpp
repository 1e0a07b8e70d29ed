#include "gradus/optim/option_checks.h"

#include <fmt/core.h>

#include "gradus/core/error.h"

namespace gradus {
namespace {

template <class T>
void require(bool good, const char* op, const char* name, T value, const char* wanted, const char* advice) {
  if (!good) throw ParamError(fmt::format("{}: got {} = {}, wanted {}; {}", op, name, value, wanted, advice));
}

}  // namespace

void check_not_negative(const char* op, const char* name, double value, const char* advice) {
  require(value >= 0, op, name, value, "at least 0", advice);
}
void check_positive(const char* op, const char* name, double value, const char* advice) {
  require(value > 0, op, name, value, "a number above 0", advice);
}
void check_decay(const char* op, const char* name, double value) {
  require(value >= 0 && value < 1, op, name, value, "a number in [0, 1)", keep_default);
}
void check_at_least_one(const char* op, const char* name, int64_t value, const char* advice) {
  require(value >= 1, op, name, value, "at least 1", advice);
}

}  // namespace gradus
