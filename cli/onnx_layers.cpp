#include "gradus/cli/onnx_layers.h"

#include <fmt/core.h>

#include <cmath>
#include <limits>
#include <map>

#include "gradus/core/error.h"
#include "gradus/nn/activations.h"
#include "gradus/nn/conv.h"
#include "gradus/nn/dropout.h"
#include "gradus/nn/embedding.h"
#include "gradus/nn/flatten.h"
#include "gradus/nn/lenet.h"
#include "gradus/nn/linear.h"
#include "gradus/nn/norm.h"
#include "gradus/nn/pooling.h"
#include "gradus/nn/proxies.h"
#include "gradus/nn/recurrent.h"
#include "gradus/nn/resnet.h"
#include "gradus/nn/sequence.h"
#include "gradus/nn/sequential.h"
#include "gradus/nn/text_classifier.h"
#include "gradus/nn/transformer.h"
#include "gradus/nn/transformer_classifier.h"
#include "gradus/nn/unit_sphere.h"
#include "gradus/ops/factories.h"
#include "gradus/ops/rearrange.h"
#include "gradus/ops/shape.h"

namespace gradus {
namespace {

using Ints = std::vector<int64_t>;

Ints pair_of(Size2 size) { return {size.height, size.width}; }
Ints padding_of(Size2 size) { return {size.height, size.width, size.height, size.width}; }  // begins, then ends

std::string below(const std::string& path, const std::string& name) {
  return path.empty() ? name : fmt::format("{}.{}", path, name);
}

// Walks the modules of a model along its forward; a path is a module's place, as in the names of state_dict().
class Translation {
 public:
  Translation(OnnxGraph& graph, Module& model) : graph_(graph) {
    for (const auto& [name, t] : model.state_dict()) {
      state_.emplace(name, t);
      if (is_floating(t.dtype())) dtype_ = t.dtype();
    }
  }

  OnnxValue layer(Module& m, const std::string& path, const OnnxValue& x) {
    if (auto* s = dynamic_cast<Sequential*>(&m)) return sequential(*s, path, x);
    if (dynamic_cast<Linear*>(&m)) return linear(path, x);
    if (auto* c = dynamic_cast<Conv2d*>(&m)) return conv(*c, path, x);
    if (auto* n = dynamic_cast<BatchNorm2d*>(&m)) return batch_norm(*n, path, x);
    if (auto* n = dynamic_cast<LayerNorm*>(&m)) return layer_norm(path, x, n->normalized.rank(), n->eps);
    if (dynamic_cast<Flatten*>(&m)) return flatten(path, x);
    if (dynamic_cast<Dropout*>(&m)) return x;
    if (dynamic_cast<Embedding*>(&m)) return node(path, "Gather", {weight(path, "weight"), x.name}, x.rank + 1);
    if (auto* p = dynamic_cast<MaxPool2d*>(&m)) return max_pool(path, x, p->kernel, p->options);
    if (auto* p = dynamic_cast<AvgPool2d*>(&m)) return average_pool(*p, path, x);
    if (auto* p = dynamic_cast<AdaptiveAvgPool2d*>(&m); p && p->output.height == 1 && p->output.width == 1)
      return global_pool(path, x);
    if (auto* b = dynamic_cast<BasicBlock*>(&m)) return basic_block(*b, path, x);
    if (auto* r = dynamic_cast<ResNet18*>(&m)) return resnet(*r, path, x);
    if (auto* l = dynamic_cast<LeNet5*>(&m)) return lenet(*l, path, x);
    if (auto* a = dynamic_cast<MultiheadAttention*>(&m)) return attention(*a, path, x, false);
    if (auto* b = dynamic_cast<TransformerBlock*>(&m)) return transformer(*b, path, x);
    if (auto* a = dynamic_cast<AnswerClassifier*>(&m)) return answer_classifier(*a, path, x);
    if (auto* t = dynamic_cast<TransformerClassifier*>(&m)) return transformer_classifier(*t, path, x);
    if (auto* r = dynamic_cast<RecurrentLayer*>(&m)) return recurrent(*r, path, x);
    if (auto* s = dynamic_cast<UnitSphere*>(&m)) return unit_length(path, layer(s->inner(), below(path, "inner"), x));
    if (auto* w = dynamic_cast<WithProxies*>(&m)) return layer(w->inner(), below(path, "inner"), x);
    return activation(m, path, x);
  }

  std::vector<OnnxValue> text_classifier(TextClassifier& m, const std::string& path, const OnnxValue& tokens) {
    const OnnxValue mean = pooled(m, path, tokens);
    return {layer(m.head1, below(path, "head1"), mean), layer(m.head2, below(path, "head2"), mean)};
  }

 private:
  OnnxValue node(const std::string& path, const char* op, const std::vector<std::string>& inputs, int rank,
                 const OnnxGraph::Attributes& attributes = {}) {
    return graph_.node(path, op, inputs, rank, attributes);
  }
  // A parameter or buffer of the module at `path`, "" where it has none of that name.
  std::string weight(const std::string& path, const std::string& name) {
    const std::string whole = below(path, name);
    const auto found = state_.find(whole);
    return found == state_.end() ? "" : graph_.initializer(whole, found->second);
  }
  // A number of the dtype of the weights.
  std::string constant(const std::string& path, const std::string& name, double value) {
    return graph_.initializer(below(path, name), full({}, value, dtype_));
  }

  OnnxValue sequential(Sequential& s, const std::string& path, OnnxValue x) {
    for (size_t i = 0; i < s.size(); ++i) x = layer(s[i], below(path, std::to_string(i)), x);
    return x;
  }
  OnnxValue linear(const std::string& path, const OnnxValue& x) {
    const std::string w = weight(path, "weight"), b = weight(path, "bias");
    if (x.rank == 2) return node(path, "Gemm", {x.name, w, b}, 2, {attribute("transB", int64_t{1})});
    const OnnxValue turned = node(path, "Transpose", {w}, 2, {attribute("perm", Ints{1, 0})}),
                    product = node(path, "MatMul", {x.name, turned.name}, x.rank);
    return b.empty() ? product : node(path, "Add", {product.name, b}, x.rank);
  }
  OnnxValue conv(const Conv2d& c, const std::string& path, const OnnxValue& x) {
    const Shape& shape = c.weight.shape();
    return node(path, "Conv", {x.name, weight(path, "weight"), weight(path, "bias")}, 4,
                {attribute("kernel_shape", Ints{shape[2], shape[3]}), attribute("strides", pair_of(c.options.stride)),
                 attribute("pads", padding_of(c.options.padding)), attribute("dilations", pair_of(c.options.dilation)),
                 attribute("group", c.options.groups)});
  }
  OnnxValue batch_norm(const BatchNorm2d& n, const std::string& path, const OnnxValue& x) {
    return node(path, "BatchNormalization",
                {x.name, weight(path, "weight"), weight(path, "bias"), weight(path, "running_mean"),
                 weight(path, "running_var")},
                4, {attribute("epsilon", n.eps)});
  }
  OnnxValue layer_norm(const std::string& path, const OnnxValue& x, int axes, double eps) {
    return node(path, "LayerNormalization", {x.name, weight(path, "weight"), weight(path, "bias")}, x.rank,
                {attribute("axis", -int64_t{axes}), attribute("epsilon", eps)});
  }
  OnnxValue flatten(const std::string& path, const OnnxValue& x) {
    return node(path, "Flatten", {x.name}, 2, {attribute("axis", int64_t{1})});
  }
  OnnxValue relu(const std::string& path, const OnnxValue& x) { return node(path, "Relu", {x.name}, x.rank); }
  OnnxValue add(const std::string& path, const OnnxValue& a, const OnnxValue& b) {
    return node(path, "Add", {a.name, b.name}, a.rank);
  }

  static Size2 stride_of(Size2 kernel, Size2 stride) {
    return {stride.height ? stride.height : kernel.height, stride.width ? stride.width : kernel.width};
  }
  OnnxValue max_pool(const std::string& path, const OnnxValue& x, Size2 kernel, const Pool2dOptions& o) {
    return node(path, "MaxPool", {x.name}, 4,
                {attribute("kernel_shape", pair_of(kernel)), attribute("strides", pair_of(stride_of(kernel, o.stride))),
                 attribute("pads", padding_of(o.padding))});
  }
  OnnxValue average_pool(const AvgPool2d& p, const std::string& path, const OnnxValue& x) {
    return node(path, "AveragePool", {x.name}, 4,
                {attribute("kernel_shape", pair_of(p.kernel)),
                 attribute("strides", pair_of(stride_of(p.kernel, p.options.stride))),
                 attribute("pads", padding_of(p.options.padding)),
                 attribute("count_include_pad", int64_t{p.options.count_include_pad})});
  }
  OnnxValue global_pool(const std::string& path, const OnnxValue& x) {
    return node(path, "GlobalAveragePool", {x.name}, 4);
  }

  OnnxValue lenet(LeNet5& m, const std::string& path, const OnnxValue& x) {
    const auto pooled = [&](Conv2d& c, const char* name, const OnnxValue& in) {
      const std::string at = below(path, name);
      return max_pool(at, relu(at, conv(c, at, in)), 2, {});
    };
    const auto hidden = [&](const char* name, const OnnxValue& in) {
      const std::string at = below(path, name);
      return relu(at, linear(at, in));
    };
    const OnnxValue shapes = pooled(m.conv2, "conv2", pooled(m.conv1, "conv1", x));
    return linear(below(path, "fc3"), hidden("fc2", hidden("fc1", flatten(path, shapes))));
  }
  OnnxValue normalised_conv(Conv2d& c, BatchNorm2d& n, const std::string& path, int number, const OnnxValue& x) {
    return batch_norm(n, below(path, fmt::format("bn{}", number)),
                      conv(c, below(path, fmt::format("conv{}", number)), x));
  }
  OnnxValue basic_block(BasicBlock& b, const std::string& path, const OnnxValue& x) {
    const OnnxValue inner = relu(path, normalised_conv(b.conv1, b.bn1, path, 1, x)),
                    residual = normalised_conv(b.conv2, b.bn2, path, 2, inner),
                    kept = b.downsample ? layer(*b.downsample, below(path, "downsample"), x) : x;
    return relu(path, add(path, residual, kept));
  }
  OnnxValue resnet(ResNet18& r, const std::string& path, const OnnxValue& image) {
    OnnxValue x = relu(path, normalised_conv(r.conv1, r.bn1, path, 1, image));
    x = max_pool(path, x, 3, {.stride = 2, .padding = 1});
    int number = 0;
    for (Sequential* stage : {&r.layer1, &r.layer2, &r.layer3, &r.layer4})
      x = sequential(*stage, below(path, fmt::format("layer{}", ++number)), x);
    x = flatten(path, global_pool(path, x));
    return r.fc ? linear(below(path, "fc"), x) : x;
  }

  // 1 where a token is no padding, else 0.
  OnnxValue present(const std::string& path, const OnnxValue& tokens) {
    const std::string padding = graph_.initializer(below(path, "padding"), full({}, padding_token, Dtype::int64));
    const OnnxValue absent = node(path, "Equal", {tokens.name, padding}, 2),
                    there = node(path, "Not", {absent.name}, 2);
    return node(path, "Cast", {there.name}, 2, {attribute("to", int64_t(element_type(dtype_)))});
  }
  OnnxValue mean_of_present(const std::string& path, const OnnxValue& x, const OnnxValue& present) {
    const std::string least = constant(path, "least_count", 1), steps = graph_.integers(below(path, "steps_axis"), {1}),
                      width = graph_.integers(below(path, "width_axis"), {2});
    const OnnxValue sum = node(path, "ReduceSum", {present.name, steps}, 2, {attribute("keepdims", int64_t{1})}),
                    count = node(path, "Max", {sum.name, least}, 2),
                    column = node(path, "Unsqueeze", {present.name, width}, 3),
                    kept = node(path, "Mul", {x.name, column.name}, 3),
                    total = node(path, "ReduceSum", {kept.name, steps}, 2, {attribute("keepdims", int64_t{0})});
    return node(path, "Div", {total.name, count.name}, 2);
  }
  OnnxValue pooled(TextClassifier& m, const std::string& path, const OnnxValue& tokens) {
    return mean_of_present(path, layer(m.embedding, below(path, "embedding"), tokens), present(path, tokens));
  }
  OnnxValue answer_classifier(AnswerClassifier& m, const std::string& path, const OnnxValue& tokens) {
    const OnnxValue mean = pooled(m.text, path, tokens), first = layer(m.text.head1, below(path, "head1"), mean);
    if (!m.asks_twice) return first;
    const OnnxValue second = layer(m.text.head2, below(path, "head2"), mean);
    const OnnxValue rows = node(path, "Unsqueeze", {first.name, graph_.integers(below(path, "row_axis"), {2})}, 3),
                    columns =
                        node(path, "Unsqueeze", {second.name, graph_.integers(below(path, "column_axis"), {1})}, 3);
    return flatten(path, add(path, rows, columns));
  }
  // Added to the scores of attention: far below all others where a key is padding. Not -infinity, of which a text
  // without words would have nothing else, and so NaN.
  OnnxValue padding_bias(const std::string& path, const OnnxValue& present) {
    const OnnxValue lack = node(path, "Sub", {present.name, constant(path, "one", 1)}, 2),
                    bias = node(path, "Mul", {lack.name, constant(path, "never", 1e9)}, 2);
    return node(path, "Unsqueeze", {bias.name, graph_.integers(below(path, "key_axes"), {1, 2})}, 4);
  }
  OnnxValue transformer_classifier(TransformerClassifier& m, const std::string& path, const OnnxValue& x) {
    OnnxValue h = x, there, bias;
    if (m.takes_tokens()) {
      h = layer(*m.embedding, below(path, "embedding"), x);
      there = present(path, x);
      bias = padding_bias(path, there);
    } else {
      if (x.rank == 4) {
        const OnnxValue turned = node(path, "Transpose", {x.name}, 4, {attribute("perm", Ints{0, 2, 1, 3})});
        h = node(path, "Reshape", {turned.name, graph_.integers(below(path, "rows"), {0, 0, -1})}, 3);
      }
      h = linear(below(path, "projection"), h);
    }
    h = node(path, "Add", {h.name, weight(path, "positions")}, 3);
    for (size_t i = 0; i < m.blocks.size(); ++i)
      h = transformer(m.blocks[i], below(path, fmt::format("blocks.{}", i)), h, bias);
    h = layer(m.norm, below(path, "norm"), h);
    const OnnxValue mean = m.takes_tokens() ? mean_of_present(path, h, there)
                                            : node(path, "ReduceMean", {h.name}, 2,
                                                   {attribute("axes", Ints{1}), attribute("keepdims", int64_t{0})});
    return linear(below(path, "head"), mean);
  }

  // -infinity above the diagonal of the scores, 0 elsewhere.
  OnnxValue future_mask(const std::string& path, const OnnxValue& scores) {
    const OnnxValue size = node(path, "Shape", {scores.name}, 1, {attribute("start", int64_t{-2})}),
                    never = node(path, "ConstantOfShape", {size.name}, 2,
                                 {attribute("value", full({1}, -std::numeric_limits<double>::infinity(), dtype_))});
    return node(path, "Trilu", {never.name, graph_.initializer(below(path, "diagonal"), full({}, 1, Dtype::int64))}, 2,
                {attribute("upper", int64_t{1})});
  }
  // The rows of a recurrent layer's weight with the gates in ONNX's order, of both directions if there are two.
  Tensor gates_in_order(const std::string& path, const std::string& name, bool both, const Ints& order) const {
    std::vector<Tensor> directions;
    for (const char* direction : {"", "_reverse"}) {
      if (*direction && !both) continue;
      const Tensor t = state_.at(below(path, name + direction)).detach();
      const std::vector<Tensor> gates = split(t, t.size(0) / int64_t(order.size()), 0);
      std::vector<Tensor> ordered;
      for (const int64_t gate : order) ordered.push_back(gates[size_t(gate)]);
      directions.push_back(concat(ordered, 0));
    }
    return stack(directions);
  }
  OnnxValue recurrent(RecurrentLayer& m, const std::string& path, OnnxValue x) {
    const RecurrentOptions& o = m.options();
    const bool both = o.bidirectional;
    const char* op = dynamic_cast<LSTM*>(&m) ? "LSTM" : dynamic_cast<GRU*>(&m) ? "GRU" : "RNN";
    const auto* rnn = dynamic_cast<RNN*>(&m);
    // i, f, g, o is i, o, f, g there, and r, z, n is z, r, n.
    const Ints order = dynamic_cast<LSTM*>(&m) ? Ints{0, 3, 1, 2} : rnn ? Ints{0} : Ints{1, 0, 2};
    OnnxGraph::Attributes attributes = {attribute("hidden_size", m.hidden()),
                                        attribute("direction", std::string(both ? "bidirectional" : "forward"))};
    if (rnn && rnn->nonlinearity() == RNN::Nonlinearity::relu)
      attributes.push_back(attribute("activations", std::vector<std::string>(both ? 2 : 1, "Relu")));
    if (!rnn && order.size() == 3) attributes.push_back(attribute("linear_before_reset", int64_t{1}));
    const auto turned = [&](const OnnxValue& v) {
      return o.batch_first ? node(path, "Transpose", {v.name}, 3, {attribute("perm", Ints{1, 0, 2})}) : v;
    };
    x = turned(x);
    const std::string joined = graph_.integers(below(path, "joined"), {0, 0, -1});
    for (int64_t l = 0; l < o.num_layers; ++l) {
      const auto weights = [&](const std::string& name) {
        return gates_in_order(path, fmt::format("{}_l{}", name, l), both, order);
      };
      const auto named = [&](const char* name) { return below(path, fmt::format("{}_l{}", name, l)); };
      std::vector<std::string> inputs = {x.name, graph_.initializer(named("W"), weights("weight_ih")),
                                         graph_.initializer(named("R"), weights("weight_hh"))};
      if (o.bias) inputs.push_back(graph_.initializer(named("B"), concat({weights("bias_ih"), weights("bias_hh")}, 1)));
      const OnnxValue y = node(path, op, inputs, 4, attributes),  // (steps, directions, N, hidden)
          beside = node(path, "Transpose", {y.name}, 4, {attribute("perm", Ints{0, 2, 1, 3})});
      x = node(path, "Reshape", {beside.name, joined}, 3);
    }
    return turned(x);
  }
  // bias: added to the scores, unless it has no name.
  OnnxValue attention(const MultiheadAttention& a, const std::string& path, const OnnxValue& x, bool causal,
                      const OnnxValue& bias = {}) {
    const int64_t width = a.width(), each = width / a.heads();
    const bool batch_first = a.options().batch_first;
    const auto projections = projected(path, x, width);
    const std::string heads = graph_.integers(below(path, "heads"), {0, 0, a.heads(), each});
    const auto turned = [&](int part, const Ints& order) {
      const OnnxValue split = node(path, "Reshape", {projections[size_t(part)].name, heads}, 4);
      return node(path, "Transpose", {split.name}, 4, {attribute("perm", order)});
    };
    const Ints to_heads = batch_first ? Ints{0, 2, 1, 3} : Ints{1, 2, 0, 3};
    const OnnxValue query = turned(0, to_heads), key = turned(1, batch_first ? Ints{0, 2, 3, 1} : Ints{1, 2, 3, 0}),
                    value = turned(2, to_heads),
                    scaled = node(path, "Mul", {query.name, constant(path, "scale", 1 / std::sqrt(double(each)))}, 4);
    OnnxValue scores = node(path, "MatMul", {scaled.name, key.name}, 4);
    if (causal) scores = add(path, scores, future_mask(path, scores));
    if (!bias.name.empty()) scores = add(path, scores, bias);
    const OnnxValue weights = node(path, "Softmax", {scores.name}, 4, {attribute("axis", int64_t{-1})}),
                    read = node(path, "MatMul", {weights.name, value.name}, 4),
                    back = node(path, "Transpose", {read.name}, 4,
                                {attribute("perm", batch_first ? Ints{0, 2, 1, 3} : Ints{2, 0, 1, 3})}),
                    joined =
                        node(path, "Reshape", {back.name, graph_.integers(below(path, "joined"), {0, 0, width})}, 3);
    return linear(below(path, "out_proj"), joined);
  }
  // Query, key and value by one product.
  std::vector<OnnxValue> projected(const std::string& path, const OnnxValue& x, int64_t width) {
    const OnnxValue turned =
        node(path, "Transpose", {weight(path, "in_proj_weight")}, 2, {attribute("perm", Ints{1, 0})});
    OnnxValue all = node(path, "MatMul", {x.name, turned.name}, 3);
    if (const std::string bias = weight(path, "in_proj_bias"); !bias.empty())
      all = node(path, "Add", {all.name, bias}, 3);
    return graph_.nodes(path, "Split", {all.name, graph_.integers(below(path, "thirds"), {width, width, width})}, 3, 3,
                        {attribute("axis", int64_t{2})});
  }
  OnnxValue transformer(TransformerBlock& b, const std::string& path, const OnnxValue& x, const OnnxValue& bias = {}) {
    const auto normalised = [&](const LayerNorm& n, const char* name, const OnnxValue& in) {
      return layer_norm(below(path, name), in, n.normalized.rank(), n.eps);
    };
    const OnnxValue mixed = add(path, x,
                                attention(b.attention(), below(path, "self_attn"), normalised(b.norm1(), "norm1", x),
                                          b.options().causal, bias));
    const OnnxValue hidden = linear(below(path, "linear1"), normalised(b.norm2(), "norm2", mixed)),
                    active = b.options().gelu ? gelu(path, hidden) : relu(path, hidden);
    return add(path, mixed, linear(below(path, "linear2"), active));
  }

  OnnxValue unit_length(const std::string& path, const OnnxValue& x) {
    const OnnxValue length = node(path, "ReduceL2", {x.name}, 2,
                                  {attribute("axes", Ints{1}), attribute("keepdims", int64_t{1})}),
                    divisor = node(path, "Max", {length.name, constant(path, "least_length", 1e-12)}, 2);
    return node(path, "Div", {x.name, divisor.name}, 2);
  }
  OnnxValue gelu(const std::string& path, const OnnxValue& x) {
    const OnnxValue inner = node(path, "Mul", {x.name, constant(path, "sqrt_half", std::sqrt(0.5))}, x.rank),
                    erf = node(path, "Erf", {inner.name}, x.rank),
                    twice = node(path, "Add", {erf.name, constant(path, "one", 1)}, x.rank),
                    product = node(path, "Mul", {x.name, twice.name}, x.rank);
    return node(path, "Mul", {product.name, constant(path, "half", 0.5)}, x.rank);
  }
  OnnxValue activation(Module& m, const std::string& path, const OnnxValue& x) {
    if (dynamic_cast<ReLU*>(&m)) return relu(path, x);
    if (auto* l = dynamic_cast<LeakyReLU*>(&m))
      return node(path, "LeakyRelu", {x.name}, x.rank, {attribute("alpha", l->slope)});
    if (auto* e = dynamic_cast<ELU*>(&m)) return node(path, "Elu", {x.name}, x.rank, {attribute("alpha", e->alpha)});
    if (auto* g = dynamic_cast<GELU*>(&m); g && g->form == Gelu::exact) return gelu(path, x);
    if (dynamic_cast<Sigmoid*>(&m)) return node(path, "Sigmoid", {x.name}, x.rank);
    if (dynamic_cast<Tanh*>(&m)) return node(path, "Tanh", {x.name}, x.rank);
    if (auto* s = dynamic_cast<Softplus*>(&m); s && s->beta == 1) return node(path, "Softplus", {x.name}, x.rank);
    if (auto* s = dynamic_cast<Softmax*>(&m))
      return node(path, "Softmax", {x.name}, x.rank, {attribute("axis", s->dim)});
    if (dynamic_cast<SiLU*>(&m)) {
      const OnnxValue gate = node(path, "Sigmoid", {x.name}, x.rank);
      return node(path, "Mul", {x.name, gate.name}, x.rank);
    }
    throw ParamError(fmt::format("onnx: layer '{}' has no ONNX form here; put known layers in its place", path));
  }

  OnnxGraph& graph_;
  std::map<std::string, Tensor> state_;
  Dtype dtype_ = Dtype::float32;  // of the weights
};

}  // namespace

std::vector<OnnxValue> add_to_graph(OnnxGraph& graph, Module& model, const OnnxValue& input) {
  Translation translation(graph, model);
  if (auto* text = dynamic_cast<TextClassifier*>(&model)) return translation.text_classifier(*text, "", input);
  return {translation.layer(model, "", input)};
}

}  // namespace gradus
