// What a call throws, as text: the errors are part of the product, and their texts are pinned.
#pragma once
#include <exception>
#include <string>

#include "gradus/core/error.h"

namespace gradus {

// The text of the error that `call` throws; one that is not an Expected says so and differs from every pinned text.
template <class Expected = Error> std::string error_of(auto&& call) {
  try {
    call();
  } catch (const Expected& error) { return error.what(); } catch (const std::exception& error) {
    return std::string("another error: ") + error.what();
  }
  return "nothing was thrown";
}

}  // namespace gradus
