// Tracing numbers: which way branches went in the valid lanes, and how far the next kink, pole or border is.
#include "gradus/core/trace.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "gradus/core/functions.h"

namespace gradus {
namespace {

using P = Dual<Num<double, 4>>;
using T = Trace<P>;
using Lanes = Num<double, 4>;

constexpr double inf = std::numeric_limits<double>::infinity();

Lanes lanes(double a, double b, double c, double d) {
  double values[] = {a, b, c, d};
  return Lanes::load(values);
}
// The same value in every lane, moving with the given slope.
T moving(double x, double slope = 1) { return P(x, slope); }

// What a recorder learns from fn.
template <class Fn> Recorder record(Fn fn, int valid = 4) {
  Recorder recorder;
  recorder.valid = valid;
  Recording on(recorder);
  fn();
  return recorder;
}
Visit only_visit(const Recorder& recorder) {
  EXPECT_EQ(recorder.visits.size(), 1u);
  return recorder.visits.empty() ? Visit() : recorder.visits.begin()->second;
}
std::string seen(Visit v) {
  return std::string(v.seen_true ? "true " : "") + (v.seen_false ? "false " : "") + (v.seen_mixed ? "mixed" : "");
}

TEST(Trace, SeesASelectTrueFalseAndMixed) {
  auto run = [](Lanes x) { return seen(only_visit(record([&] { select(T(P(x, 1.0)) < 0, 1, T(2)); }))); };
  EXPECT_EQ(run(lanes(-1, -2, -3, -4)), "true ");
  EXPECT_EQ(run(lanes(1, 2, 3, 4)), "false ");
  EXPECT_EQ(run(lanes(1, 2, -3, 4)), "mixed");
  EXPECT_EQ(seen(only_visit(record([&] {
              for (double x : {-1.0, 1.0}) select(moving(x) < 0, 1, T(2));
            }))),
            "true false ");
}

TEST(Trace, PaddingLanesTellNothing) {
  Lanes x = lanes(-0.5, -2, 0.01, 0);
  auto run = [&] { select(T(P(x, 1.0)) < 0, 1, T(2)); };
  Recorder two = record(run, 2), three = record(run, 3), four = record(run, 4);
  EXPECT_EQ(seen(only_visit(two)), "true ");
  EXPECT_EQ(two.nearest, 0.5);
  EXPECT_EQ(seen(only_visit(three)), "mixed");
  EXPECT_EQ(three.nearest, 0.01);
  EXPECT_EQ(three.ties, 0);
  EXPECT_EQ(four.ties, 1);
  EXPECT_TRUE(record(run, 0).visits.empty());
}

TEST(Trace, NamesEveryPlaceOfDecision) {
  int line = 0;
  Recorder recorder = record([&] {
    T x = moving(0.5);
    line = __LINE__ + 1;
    abs(x) + max(x, 0.0) + min(x, 0.0) + clamp(x, -1.0, 1.0) + select(x > 2.0, x, 0.0);
  });
  std::vector<std::string> what;
  for (auto& [site, visit] : recorder.visits) {
    EXPECT_EQ(site.file, "trace_test.cpp");
    EXPECT_EQ(site.line, line);
    EXPECT_GT(site.column, 0);
    EXPECT_EQ(to_string(site),
              "trace_test.cpp:" + std::to_string(line) + ":" + std::to_string(site.column) + " " + site.what);
    what.push_back(site.what);
  }
  EXPECT_EQ(what, (std::vector<std::string>{"abs", "max", "min", "clamp high", "clamp low", "select"}));
  EXPECT_EQ(recorder.nearest, 0.5);
}

TEST(Trace, MeasuresDistanceAlongTheDirection) {
  EXPECT_EQ(record([] { select(moving(0.3, -2) < 0, 1, T(2)); }).nearest, 0.15);
  EXPECT_EQ(record([] { max(moving(3, 1), moving(1, 5)); }).nearest, 0.5);  // the gap of 2 closes by 4 a step
  EXPECT_EQ(record([] { abs(moving(-3, 2)); }).nearest, 1.5);
  EXPECT_EQ(record([] { clamp(moving(0.75), -1, 1); }).nearest, 0.25);
  EXPECT_EQ(record([] { abs(moving(-3, 0)); }).nearest, inf);  // it rests
  EXPECT_EQ(record([] { select(moving(inf) > 0, 1, T(2)); }).nearest, inf);
  EXPECT_EQ(record([] { select(moving(NAN) > 0, 1, T(2)); }).nearest, inf);
}

TEST(Trace, CountsTiesApart) {
  Recorder tie = record([] { select(moving(0) > 0, 1, T(2)); });
  EXPECT_EQ(tie.ties, 4);
  EXPECT_EQ(tie.nearest, inf);
  EXPECT_EQ(record([] { max(moving(2), moving(2)); }).ties, 0);  // they move together
  EXPECT_EQ(record([] { max(moving(2, 0), T(2)); }).ties, 0);    // nothing moves
}

TEST(Trace, MeasuresPolesAndBorders) {
  EXPECT_EQ(record([] { log(moving(0.25, 2)); }).nearest, 0.125);
  EXPECT_EQ(record([] { log1p(moving(-0.5)); }).nearest, 0.5);
  EXPECT_EQ(record([] { 1.0 / moving(-0.5); }).nearest, 0.5);
  EXPECT_EQ(record([] { moving(0.25) / 2.0; }).nearest, inf);
  EXPECT_EQ(record([] { sqrt(moving(0.75)); }).nearest, 0.75);
  EXPECT_EQ(record([] { pow(moving(0.75), 1.5); }).nearest, 0.75);
  EXPECT_EQ(record([] { acos(moving(-0.75)); }).nearest, 0.25);
  EXPECT_EQ(record([] { floor(moving(2.25)); }).nearest, 0.25);
  EXPECT_EQ(record([] { round(moving(2.25)); }).nearest, 0.25);
  EXPECT_EQ(record([] { copysign(moving(2.25), moving(0.5)); }).nearest, 0.5);
  EXPECT_EQ(record([] { atan2(moving(0.5), T(0.25)); }).nearest, 0.5);
  EXPECT_EQ(record([] { lgamma(moving(0.75)); }).nearest, 0.75);
  EXPECT_EQ(record([] { log(moving(0)); }).ties, 4);
  EXPECT_TRUE(record([] { log(moving(1)); }).visits.empty());
}

TEST(Trace, CombinedMasksKeepTheNearestMargin) {
  T x = moving(0.5), y = moving(3);
  EXPECT_EQ(record([&] { select((x > 0) & (y > 1), x, 0); }).nearest, 0.5);
  EXPECT_EQ(record([&] { select((y > 1) | (x > 0), x, 0); }).nearest, 0.5);
  EXPECT_EQ(record([&] { select(!(x > 0), x, 0); }).nearest, 0.5);
  EXPECT_EQ(record([&] { select((moving(NAN) > 0) | (x > 0), x, 0); }).nearest, 0.5);
  EXPECT_EQ(seen(only_visit(record([&] { select(!(x > 0), x, 0); }))), "false ");
}

TEST(Trace, MasksOfLabelsAreRecordedWithoutMargin) {
  auto column = iota<Index<T>>(0);
  Recorder recorder = record([&] { select(column == 2, moving(1), 0); });
  EXPECT_EQ(seen(only_visit(recorder)), "mixed");
  EXPECT_EQ(recorder.nearest, inf);
  Recorder both = record([&] { select((column < 9) & (moving(0.5) > 0), 0, T(1)); });
  EXPECT_EQ(seen(only_visit(both)), "true ");
  EXPECT_EQ(both.nearest, 0.5);
}

TEST(Trace, ComputesWhatTheNumberInsideComputes) {
  Recorder recorder;
  Recording on(recorder);
  P x(lanes(-2, -0.1, 0, 3), lanes(1, 2, 3, 4));
  P plain_result = softplus(x) * sigmoid(x) - log_cosh(x).value + clamp(x, -1, 1) / (2.0 + sign(x));
  T traced = softplus(T(x)) * sigmoid(T(x)) - log_cosh(T(x)).value + clamp(T(x), -1, 1) / (2.0 + sign(T(x)));
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(traced.v.v.lane(i), plain_result.v.lane(i));
    EXPECT_EQ(traced.v.d.lane(i), plain_result.d.lane(i));
  }
  EXPECT_EQ(plain(traced).lane(3), plain_result.v.lane(3));
  EXPECT_EQ(rotate(traced, 1).v.d.lane(0), plain_result.d.lane(1));
}

TEST(Trace, NumbersWithoutDerivativeRecordBranchesOnly) {
  Recorder recorder = record([] { abs(Trace<Num<double, 4>>(lanes(1, -1, 0, 2))); });
  EXPECT_EQ(seen(only_visit(recorder)), "mixed");
  EXPECT_EQ(recorder.nearest, inf);
  EXPECT_EQ(recorder.ties, 0);
}

TEST(Trace, RecordsOnlyWhereAndWhileARecorderIsCurrent) {
  Recorder outer, inner;
  EXPECT_EQ(Recorder::current(), nullptr);
  {
    Recording on(outer);
    {
      Recording nested(inner);
      abs(moving(1));
    }
    std::thread([] { abs(moving(2)); }).join();
    EXPECT_EQ(Recorder::current(), &outer);
  }
  abs(moving(3));
  EXPECT_EQ(inner.visits.size(), 1u);
  EXPECT_TRUE(outer.visits.empty());
}

}  // namespace
}  // namespace gradus
