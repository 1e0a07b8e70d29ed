// One loss in, its row of the module's table out.  Included by the generated units alone.
#pragma once
#include <cstring>

#include "gradus/cuda/block.h"
#include "gradus/cuda/fold.h"
#include "gradus/cuda/map.h"
#include "gradus/cuda/run_loss.h"

namespace gradus::cuda_kernels {

template <class L> Arguments<L> arguments(const DeviceCall& call, unsigned group, Meeting* meeting) {
  Arguments<L> a;
  memcpy(a.formula.raw, call.formula, sizeof(L));
  memcpy(a.extent, call.extent, sizeof a.extent);
  const L& loss = *static_cast<const L*>(call.formula);
  for (int k = 0; k < arity<L>; ++k) {
    const Input<L>& in = L::inputs[k];
    a.in[k] = call.in[k];
    a.grad[k] = call.grad[k];
    a.constant[k] = call.constant[k];
    a.ignored[k] = in.ignored ? loss.*in.ignored : never_ignored;
    a.checked[k] = !in.checked || loss.*in.checked;
  }
  a.value = call.value, a.count = call.count, a.upstream = call.upstream;
  a.scale = call.scale, a.count_scale = call.count_scale;
  a.in_order = false;
  a.group = group;
  a.meeting = meeting;
  a.report = call.report;
  return a;
}

template <class L, class F> void run_map(const DeviceCall& call) {
  const int64_t n = call.extent[0] * call.extent[1] * call.extent[2];
  const LossRun run(call.device);
  Arguments<L> a = arguments<L>(call, 1, run.meeting());
  a.in_order = all_in_order<L, F>(a);
  simt::launch(call.name, map<L, F>, blocks_for(n, a.in_order ? threads * widest<F> : threads), threads, a);
}

template <class L, class F> void launch_fold(const DeviceCall& call, const LossRun& run) {
  using Row = RowOf<L, F>;
  const int64_t rows = call.extent[0] * call.extent[2], columns = call.extent[1], parts = parts_of_a_row(call.extent);
  const unsigned group = group_for(call.extent);
  const Arguments<L> a = arguments<L>(call, group, run.meeting());
  if (parts == 1) return simt::launch(call.name, fold<L, F>, blocks_for(rows, threads / group), threads, a);
  auto* states = static_cast<typename Row::State*>(run.scratch(0, rows * parts * int64_t(sizeof(typename Row::State))));
  auto* constants =
      static_cast<typename Row::Constants*>(run.scratch(1, rows * int64_t(sizeof(typename Row::Constants))));
  simt::launch(call.name, fold_lift<L, F>, unsigned(rows * parts), threads, a, states, parts,
               (columns + parts - 1) / parts);
  simt::launch(call.name, fold_finish<L, F>, blocks_for(rows, threads / 32), threads, a, states, parts, constants);
  if (wants_grad(a))
    simt::launch(call.name, fold_grad<L, F>, blocks_for(rows * columns, threads), threads, a, constants);
}

template <class L, class F> void run_fold(const DeviceCall& call) {
  const LossRun run(call.device);
  launch_fold<L, F>(call, run);
}

template <class L, class F> void run_block(const DeviceCall& call) {
  const BlockOnDevice& there = call.block;
  const BlockCall& given = there.call;
  const LossRun run(call.device);
  BlockArguments<L> a;
  memcpy(a.formula.raw, given.formula, sizeof(L));
  for (int k = 0; k < arity<L>; ++k) a.in[k] = given.in[k], a.bounds[k] = there.bounds[k];
  a.value = given.value, a.upstream = given.upstream;
  a.scale = given.scale, a.count_scale = given.count_scale;
  a.problems = given.problems, a.reduction = given.reduction;
  a.team = unsigned(there.team), a.memory = static_cast<char*>(there.memory), a.room = there.room;
  a.meeting = run.meeting(), a.report = call.report;
  simt::launch(call.name, block<L, F>, unsigned(there.teams * there.team) / threads, threads, a);
}

// ---- what a key in a report says ----------------------------------------------------------------

template <class L> Found found_in_map(const DeviceCall& call, unsigned long long key) {
  const int64_t block = int64_t(key) / (max_inputs * checked_together), rest = int64_t(key) % checked_together;
  Problem p;
  p.input = int(int64_t(key) / checked_together % max_inputs);
  p.at[0] = block * checked_together + rest;
  return Found{p, map_place(call.extent, p.at[0]), L::inputs[p.input].label};
}
template <class L> Found found_in_fold(const DeviceCall& call, unsigned long long key) {
  const int64_t columns = call.extent[1];
  const int64_t row = int64_t(key) / (keys_a_row * columns), rank = int64_t(key) / columns % keys_a_row;
  const Place place = {row / call.extent[2], int64_t(key) % columns, row % call.extent[2]};
  Problem p;
  p.input = int(rank % max_inputs);
  const bool column = L::inputs[p.input].role == Role::column;
  p.at[0] = column ? 0 : place.outer, p.at[1] = place.column, p.at[2] = column ? 0 : place.inner;
  return Found{p, place, L::inputs[p.input].label};
}

template <class L> Found found_in_block(const DeviceCall&, unsigned long long key) {
  Found found{};
  found.problem.input = int(key % keys_a_problem);
  return found;
}

// ---- the table ----------------------------------------------------------------------------------

template <class L> void run(const DeviceCall& call) {
  if constexpr (Block<L>) call.dtype == Dtype::float32 ? run_block<L, float>(call) : run_block<L, double>(call);
  else if constexpr (Fold<L>) call.dtype == Dtype::float32 ? run_fold<L, float>(call) : run_fold<L, double>(call);
  else call.dtype == Dtype::float32 ? run_map<L, float>(call) : run_map<L, double>(call);
}

template <class L> void settle_loss(const DeviceCall& call) {
  if constexpr (Block<L>) settle(call, found_in_block<L>);
  else if constexpr (Fold<L>) settle(call, found_in_fold<L>);
  else settle(call, found_in_map<L>);
}

// A Block may ask for the host. No expression of a loss's functions may stand here: the two compilers that nvcc asks
// judge some otherwise, and then the host would launch kernels of which the device has no code.
template <class L> constexpr bool on_devices = !Block<L>;
template <class L>
  requires(L::shared_by_team)
constexpr bool on_devices<L> = true;

template <class L> constexpr void (*runner())(const DeviceCall&) {
  if constexpr (on_devices<L>) return run<L>;
  else return nullptr;
}

template <class L> constexpr void (*settler())(const DeviceCall&) {
  if constexpr (on_devices<L>) return settle_loss<L>;
  else return nullptr;
}

template <class LossType> struct DeviceLossOf;
template <class Sequence, class L, class... Others> struct DeviceLossOf<LossCall<Sequence, L, Others...>> {
  static constexpr void (*runners[])(const DeviceCall&) = {runner<L>(), runner<Others>()...};
  static constexpr void (*settlers[])(const DeviceCall&) = {settler<L>(), settler<Others>()...};
  static constexpr DeviceLoss value = {L::about.name, 1 + int(sizeof...(Others)), runners, settlers};
};

}  // namespace gradus::cuda_kernels
