// For what is called back later, when the object that it speaks of may be gone.
#pragma once
#include <memory>

namespace gradus {

// A member of that object: watch() expires with it.  A copy of the object has a life of its own.
class Lifetime {
 public:
  Lifetime() : token_(std::make_shared<char>()) {}
  Lifetime(const Lifetime&) : Lifetime() {}
  Lifetime& operator=(const Lifetime&) { return *this; }
  std::weak_ptr<const void> watch() const { return token_; }

 private:
  std::shared_ptr<const void> token_;
};

}  // namespace gradus
