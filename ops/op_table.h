// The differentiable ops of tensors as data: how each is called, and on what it is tried.
//
// Certificates, mutants and the tests of gradients walk this table and nothing else; a test holds it against the public
// headers of ops/, so that no verb is without a proof.
#pragma once
#include <string>
#include <vector>

#include "gradus/autograd/gradcheck.h"

namespace gradus {

// Where the elements of an input are drawn from.
struct DrawnFrom {
  double low = -1, high = 1;
};

// One call of an op, and the inputs that it is tried on.
struct OpCase {
  TensorFunction call;
  std::vector<Shape> shapes;                     // of the inputs; none: only `large` is tried
  std::vector<DrawnFrom> from = {};              // one per input, or one for all
  std::vector<std::vector<double>> values = {};  // of the inputs, instead of drawn ones
  std::vector<double> kinks = {};  // where an element's slope jumps: nothing is drawn near, and ties are tried on them
  std::vector<double> poles = {};  // steps, poles and ends of the domain: nothing is drawn near
  bool ordered = false;            // elements are compared with each other: the slope jumps where two are equal
  std::vector<Shape> large = {};   // of inputs that keep several threads busy

  OpCase where_ordered() const {
    OpCase copy = *this;
    copy.ordered = true;
    return copy;
  }
};

struct OpEntry {
  std::string name;    // as the header spells it
  std::string header;  // of ops/, without .h: its family
  std::vector<OpCase> cases;
  bool flat = false;  // its gradient is zero everywhere
};

// All of them, in the order of their headers' names.
const std::vector<OpEntry>& differentiable_ops();
// Null where there is none of that name.
const OpEntry* find_op(const std::string& name);

// What differentiable_ops() is made of: a file for each kind.
std::vector<OpEntry> elementwise_op_entries();
std::vector<OpEntry> reducing_op_entries();
std::vector<OpEntry> arranging_op_entries();
std::vector<OpEntry> layer_op_entries();

}  // namespace gradus
