// Knowledge distillation: the student's softened softmax shall match the teacher's.
#pragma once
#include "gradus/core/folds.h"
#include "gradus/core/formula.h"

namespace gradus {

struct Distillation {
  double temperature = 4;

  static constexpr Input<Distillation> inputs[] = {element("input"), element("target")};
  static constexpr Option<Distillation> options[] = {
      option("temperature", &Distillation::temperature, range::positive)};

  static constexpr About about = {
      .name = "distillation_kd_loss",
      .family = "distillation",
      .tier = 3,
      .summary = "Teaches a small network the whole distribution that a large one predicts, not just its first choice.",
      .formula =
          "T² Σ_k p_k (log p_k - log q_k) over the last dimension, p = softmax(target / T) the teacher, q = "
          "softmax(input / T) the student",
      .gradient = "T (q_k - p_k);  of the teacher: T p_k (log p_k - log q_k - Σ p (log p - log q))",
      .edges = "the factor T² keeps the size of the gradient; equal logits give exactly 0",
      .paper = "G. Hinton, O. Vinyals, J. Dean, Distilling the Knowledge in a Neural Network, 2015",
      .aliases = "kd_loss; Hinton KD",
  };
  static constexpr Example examples[] = {
      {R"({"input": [[1.0, 2.0, 3.0]], "target": [[1.0, 2.0, 3.0]]})", 0.0, "by hand: equal distributions"},
      {R"({"input": [[0.0, 0.0]], "target": [[0.0, 1.0986122886681098]], "temperature": 1.0})", 0.13081203594113697,
       "mpmath: log 2 - H(1/4, 3/4)"},
  };

  // With the gaps d = max - logit of both: Σ exp(-d_teacher) (d_student - d_teacher).
  template <class T> struct State {
    RunningSoftmax<T> student, teacher;
    T surprise = 0;
  };
  template <class T> struct Constants {
    T student_max, student_rest, student_total, teacher_max, teacher_rest, teacher_total, log_ratio, mean;
  };

  template <class T> GRADUS_FN static T risen(T total, T surprise, T rise_student, T rise_teacher) {
    return exp_negative(-rise_teacher) * (surprise + times(total, rise_student - rise_teacher));
  }
  template <class T> GRADUS_FN State<T> lift(Column<T>, T x, T t) const {
    T s = x / temperature;
    State<T> state{RunningSoftmax<T>::of(s), RunningSoftmax<T>::of(t / temperature), 0.0};
    state.surprise = times(1.0 + state.teacher.rest, state.student.max - s);  // 0, or infinity where s is -infinity
    return state;
  }
  template <class T> GRADUS_FN State<T> merge(State<T> a, State<T> b) const {
    auto s = RunningSoftmax<T>::merge(a.student, b.student);
    auto t = RunningSoftmax<T>::merge(a.teacher, b.teacher);
    return {s.total, t.total,
            risen(1.0 + a.teacher.rest, a.surprise, s.rise_a, t.rise_a) +
                risen(1.0 + b.teacher.rest, b.surprise, s.rise_b, t.rise_b)};
  }
  template <class T> GRADUS_FN Finished<T, Constants<T>> finish(State<T> s, int64_t) const {
    T student = 1.0 + s.student.rest, teacher = 1.0 + s.teacher.rest;
    T log_ratio = log1p(s.student.rest) - log1p(s.teacher.rest), mean = s.surprise / teacher + log_ratio;
    return {temperature * temperature * positive(mean),
            1.0,
            {s.student.max, s.student.rest, student, s.teacher.max, s.teacher.rest, teacher, log_ratio, mean}};
  }
  template <class T> GRADUS_FN Grads<T, 2> grad(Constants<T> c, Column<T>, T x, T t) const {
    T student = x / temperature - c.student_max, teacher = t / temperature - c.teacher_max;  // below their maxima
    T q = exp_negative(student) / c.student_total, p = exp_negative(teacher) / c.teacher_total;
    // Without cancellation where both are near 1.  There both gaps are 0 and have the derivative of expm1.
    T at_top = (c.teacher_rest - teacher) / c.teacher_total - (c.student_rest - student) / c.student_total;
    auto top = (student == 0.0) & (teacher == 0.0);
    T surprise = p * select(p == 0.0, 0.0, (teacher - student) + (c.log_ratio - c.mean));
    return {{temperature * select(top, at_top, q - p), temperature * surprise}};
  }
};
inline constexpr Loss<Distillation> distillation_kd_loss;

}  // namespace gradus
