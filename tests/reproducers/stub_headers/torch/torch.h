// What scripts for libtorch use of it, declared and not defined: for a look at syntax.
#pragma once
#include <exception>
#include <initializer_list>
#include <map>
#include <memory>
#include <sstream>
#include <vector>

namespace c10 {
struct Error : std::exception {
  const char* what_without_backtrace() const;
};
}  // namespace c10

namespace torch {
enum Dtype { kFloat64, kFloat32, kFloat16, kBFloat16, kInt64 };
using Shape = std::initializer_list<long>;

struct Tensor {
  Tensor requires_grad_();
  Tensor reshape(Shape);
  Tensor reshape(long);
  Tensor unsqueeze(long);
  Tensor operator[](long);
  Tensor& mutable_grad();
  Tensor grad();
  void* unsafeGetTensorImpl();
  template <class T>
  T item();
};

Tensor tensor(std::initializer_list<double>, Dtype);
Tensor empty(Shape, Dtype);
Tensor full(Shape, double, Dtype);
Tensor sparse_coo_tensor(Tensor, Tensor, Shape);
template <class T>
void save(T&, std::stringstream&);
template <class T>
void load(T&, std::stringstream&);

namespace optim {
struct OptimizerOptions {};
struct AdagradOptions : OptimizerOptions {
  AdagradOptions& lr(double);
  AdagradOptions& lr_decay(double);
  AdagradOptions& weight_decay(double);
  AdagradOptions& initial_accumulator_value(double);
  AdagradOptions& eps(double);
};
struct OptimizerParamGroup {
  OptimizerParamGroup(std::vector<Tensor>);
  OptimizerParamGroup(std::vector<Tensor>, std::unique_ptr<AdagradOptions>);
  OptimizerOptions& options();
};
struct OptimizerParamState {};
struct AdagradParamState : OptimizerParamState {
  void sum(Tensor);
  Tensor sum();
  void step(long);
  long step();
};
struct Adagrad {
  Adagrad(std::vector<Tensor>, AdagradOptions = {});
  Adagrad(std::vector<OptimizerParamGroup>, AdagradOptions = {});
  void step();
  void add_param_group(OptimizerParamGroup);
  std::vector<OptimizerParamGroup>& param_groups();
  std::map<void*, std::unique_ptr<OptimizerParamState>>& state();
};
}  // namespace optim
}  // namespace torch
