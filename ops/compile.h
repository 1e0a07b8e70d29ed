// One formula in, one entry out.  Included where a loss is compiled: by the generated units, and by a program that
// defines a loss of its own; including it elsewhere only costs time.
#pragma once
#include <algorithm>
#include <iterator>
#include <type_traits>
#include <vector>

#include "gradus/core/tensor.h"
#include "gradus/ops/drive.h"

namespace gradus::compiling {

template <class T, class L> constexpr kernels::MapKernel map_kernel = {T::size, kernels::map<L, T>};
template <class F> using Pack = Num<F, pack_lanes<F>>;

template <class L> struct EntryOf { static const FormulaEntry value; };

template <class L> bool all_default(const L&);

template <class L, bool plain> void run_fold(const Call& call) {
  const kernels::FoldKernel* wide = nullptr;  // where a row has one column alone, lanes are rows however long they are
  if constexpr (!kernels::label_alone<L, Pack<float>, false>)
    wide = &kernels::FoldOf<L, Pack<float>, true, plain>::kernel;
  drive_fold(EntryOf<L>::value, kernels::FoldOf<L, Pack<float>, false, plain>::kernel, wide,
             kernels::FoldOf<L, Pack<double>, false>::kernel, call);
}
template <class L> void run(const Call& call) {
  if constexpr (kernels::Softmax<L> && std::is_empty_v<L>) run_fold<L, true>(call);
  else if constexpr (kernels::Softmax<L> && requires { L::options; })  // else they are declared by another formula
    all_default(*static_cast<const L*>(call.formula)) ? run_fold<L, true>(call) : run_fold<L, false>(call);
  else if constexpr (Fold<L>) run_fold<L, false>(call);
  else drive_map(EntryOf<L>::value, map_kernel<Pack<float>, L>, map_kernel<Pack<double>, L>, call);
}
template <class L> void tangent(const Call& call) {
  if constexpr (Fold<L>) drive_fold_tangent(EntryOf<L>::value, kernels::FoldOf<L, kernels::Probe, false>::kernel, call);
  else drive_map_tangent(EntryOf<L>::value, map_kernel<kernels::Probe, L>, call);
}

template <class L> const InputFacts* input(int k) { return &L::inputs[k]; }
template <class L, class T> constexpr kernels::BlockKernel block_kernel = {arity<L>, input<L>, kernels::solve<L, T>};
template <class L> void solve(const BlockCall& call) {
  drive_block(block_kernel<L, Num<float, 1>>, block_kernel<L, Num<double, 1>>, call);
}
template <class L> void solve_tangent(const BlockCall& call) {
  drive_block_tangent(block_kernel<L, kernels::BlockProbe>, call);
}
template <class L> constexpr const char* result() {  // one value a problem, unless the formula says otherwise
  if constexpr (requires { L::result; }) return L::result;
  else return "";
}
template <class L> void deduce(const void* formula, Extents& extents) {
  if constexpr (requires(const L& l) { l.deduce(extents); }) static_cast<const L*>(formula)->deduce(extents);
}
template <class L> constexpr int option_count() {
  if constexpr (requires { L::options; }) return length_of(L::options);
  else return 0;
}
template <class L> const OptionFacts* option_facts(int i) {
  if constexpr (option_count<L>() > 0) return &L::options[i];
  else return nullptr;
}
template <class L> double get(const void* formula, int i) {
  if constexpr (option_count<L>() > 0) {
    const L& l = *static_cast<const L*>(formula);
    const Option<L>& o = L::options[i];
    switch (o.kind) {
      case OptionFacts::number: return l.*o.as_number;
      case OptionFacts::integer: return double(l.*o.as_integer);
      case OptionFacts::flag: return l.*o.as_flag;
      case OptionFacts::choice: return l.*o.as_choice;
    }
  }
  return 0;
}
template <class L> void set(void* formula, int i, double value) {
  if constexpr (option_count<L>() > 0) {
    L& l = *static_cast<L*>(formula);
    const Option<L>& o = L::options[i];
    switch (o.kind) {
      case OptionFacts::number: l.*o.as_number = value; return;
      case OptionFacts::integer: l.*o.as_integer = int64_t(value); return;
      case OptionFacts::flag: l.*o.as_flag = value != 0; return;
      case OptionFacts::choice: l.*o.as_choice = uint8_t(value); return;
    }
  }
}
// Has the formula, but for a label to ignore, the options and parameters that it has when nobody says otherwise?
template <class L> bool all_default(const L& l) {
  static const L usual;
  const auto same = [&](auto member) {
    return !member || l.*member == usual.*member || (l.*member != l.*member && usual.*member != usual.*member);
  };
  for (const Option<L>& o : L::options) {
    const auto ignored = [&](const Input<L>& in) { return in.ignored && in.ignored == o.as_integer; };
    if (!same(o.as_number) || !same(o.as_flag) || !same(o.as_choice)) return false;
    if (!same(o.as_integer) && std::none_of(std::begin(L::inputs), std::end(L::inputs), ignored)) return false;
  }
  for (const Input<L>& in : L::inputs) {
    if (!in.param) continue;
    const double a = (l.*in.param).number(), b = (usual.*in.param).number();
    if ((l.*in.param).is_tensor() || !(a == b || (a != a && b != b))) return false;
  }
  return true;
}
template <class L> void make_acceptable(const void* formula, int k, double* values, int64_t n, const Extents& extents) {
  static_cast<const L*>(formula)->make_acceptable(k, values, n, extents);
}
template <class L> void construct(void* storage) { ::new (storage) L(); }
template <class L> void copy(const void* formula, void* storage) { ::new (storage) L(*static_cast<const L*>(formula)); }
template <class L> int64_t class_axis(const void* formula) {  // the last, unless the formula says otherwise
  if constexpr (requires(const L& l) { l.class_axis(); }) return static_cast<const L*>(formula)->class_axis();
  else return -1;
}
template <class L> int fold_axes(const void* formula) {
  if constexpr (requires(const L& l) { l.fold_axes(); }) return static_cast<const L*>(formula)->fold_axes();
  else return just_the_class_axis;
}
template <class L> bool keeps_axis(const void* formula) {
  if constexpr (requires(const L& l) { l.keeps_axis(); }) return static_cast<const L*>(formula)->keeps_axis();
  else return false;
}
template <class L> void destroy(void* formula) { static_cast<L*>(formula)->~L(); }
template <class L> Param* param(void* formula, int k) {
  return L::inputs[k].param ? &(static_cast<L*>(formula)->*L::inputs[k].param) : nullptr;
}
template <class L> int64_t ignored_label(const void* formula, int k) {
  return L::inputs[k].ignored ? static_cast<const L*>(formula)->*L::inputs[k].ignored : never_ignored;
}
template <class L> bool checked(const void* formula, int k) {
  return !L::inputs[k].checked || static_cast<const L*>(formula)->*L::inputs[k].checked;
}
template <class L> constexpr bool is_weighed() {
  if constexpr (Fold<L> || Block<L>) return true;
  else {
    for (const auto& in : L::inputs)
      if (in.in_count) return true;
    return false;
  }
}

// What is made of tensor ops has `compose(inputs)`, where inputs[k] is a list: of one, or of all that a name with {i}
// stands for.
using Given = std::vector<std::vector<Tensor>>;
template <class L> concept Composed = requires(const L& l, const Given& inputs) { l.compose(inputs); };
template <class L> Tensor compose(const void* formula, const Tensor* const* inputs, const int* counts) {
  Given given(arity<L>);
  for (int k = 0, i = 0; k < arity<L>; ++k)
    for (int n = 0; n < counts[k]; ++n) given[k].push_back(*inputs[i++]);
  return static_cast<const L*>(formula)->compose(given);
}

template <class L> constexpr FormulaEntry entry_of() {
  static_assert(arity<L> <= max_inputs, "a formula has at most eight inputs");
  FormulaEntry e = {.fold = Fold<L>,
                    .block = Block<L>,
                    .weighed = is_weighed<L>(),
                    .inputs = arity<L>,
                    .options = option_count<L>(),
                    .gradients = gradients<L>,
                    .size = sizeof(L),
                    .alignment = alignof(L),
                    .input = input<L>,
                    .option = option_facts<L>,
                    .construct = construct<L>,
                    .copy = copy<L>,
                    .destroy = destroy<L>,
                    .class_axis = class_axis<L>,
                    .fold_axes = fold_axes<L>,
                    .keeps_axis = keeps_axis<L>,
                    .param = param<L>,
                    .ignored_label = ignored_label<L>,
                    .checked = checked<L>,
                    .get = get<L>,
                    .set = set<L>,
                    .make_acceptable = nullptr,
                    .run = nullptr,
                    .tangent = nullptr,
                    .result = "",
                    .deduce = nullptr,
                    .solve = nullptr,
                    .solve_tangent = nullptr,
                    .compose = nullptr};
  if constexpr (requires(const L& l, double* x, const Extents& extents) {
                  l.make_acceptable(0, x, int64_t(0), extents);
                })
    e.make_acceptable = make_acceptable<L>;
  if constexpr (Composed<L>) e.deduce = deduce<L>, e.compose = compose<L>;
  else if constexpr (Block<L>)
    e.result = result<L>(), e.deduce = deduce<L>, e.solve = solve<L>, e.solve_tangent = solve_tangent<L>;
  else e.run = run<L>, e.tangent = tangent<L>;
  return e;
}
template <class L> constinit const FormulaEntry EntryOf<L>::value = entry_of<L>();

template <class Sequence, class L, class... Others>
constexpr LossEntry loss_entry(const LossCall<Sequence, L, Others...>*) {
  return {
      .about = &L::about,
      .examples = L::examples,
      .example_count = length_of(L::examples),
      .formula_count = 1 + int(sizeof...(Others)),
      .formula = [](int i) -> const FormulaEntry* {
        static constexpr const FormulaEntry* all[] = {&EntryOf<L>::value, &EntryOf<Others>::value...};
        return all[i];
      },
      .choose = [](const void* primary, [[maybe_unused]] bool integer_target,
                   [[maybe_unused]] Reduction reduction) -> int {
        [[maybe_unused]] const L& l = *static_cast<const L*>(primary);
        if constexpr (requires { l.choose(integer_target, reduction); }) return l.choose(integer_target, reduction);
        else if constexpr (requires { l.choose(integer_target); }) return l.choose(integer_target);
        else return 0;
      },
      .reduced = [](const void* primary, Reduction reduction) -> Reduction {
        if constexpr (requires(const L& l) { l.reduced(reduction); })
          return static_cast<const L*>(primary)->reduced(reduction);
        else return reduction;
      },
      .convert =
          []([[maybe_unused]] int i, [[maybe_unused]] const void* primary, [[maybe_unused]] void* storage) {
            [[maybe_unused]] int at = 0;
            ((++at == i ? void(::new (storage) Others(*static_cast<const L*>(primary))) : void()), ...);
          },
  };
}

}  // namespace gradus::compiling

namespace gradus {

template <class LossType>
constinit const LossEntry Compiled<LossType>::entry = compiling::loss_entry(static_cast<const LossType*>(nullptr));

}  // namespace gradus
