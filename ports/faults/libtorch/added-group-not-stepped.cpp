// torch::optim::Adagrad cannot step the params of a group that was added later.
//
// Promise: "The C++ Frontend" and torch/optim/optimizer.h: add_param_group adds the
//   group to the optimizer's list, whose params step updates.
// Expected: q, added with lr = 1 and stepped by the gradient 3, goes from 1 to 0, because
//   the first step takes g / sqrt(g * g) = 1 from it.
// Seen: step raises an internal assertion, "state found NULL for the Tensor"; the
//   constructor alone makes states.
// Install: pip install torch==2.13.0, then
//   TORCH=$(python -c 'import torch; print(torch.__path__[0])')
//   FLAGS="-I$TORCH/include -I$TORCH/include/torch/csrc/api/include"
//   FLAGS="$FLAGS -L$TORCH/lib -Wl,-rpath,$TORCH/lib -ltorch -ltorch_cpu -lc10"
//   g++ -std=c++20 added-group-not-stepped.cpp $FLAGS && ./a.out
#include <torch/torch.h>

#include <iostream>
#include <string>

using namespace torch::optim;

int main(int count, char** words) {
  const bool control = count > 1 && std::string(words[1]) == "--control";
  auto p = torch::tensor({1.0}).requires_grad_();
  auto q = torch::tensor({1.0}).requires_grad_();
  auto made = std::vector<OptimizerParamGroup>{{{p}}};
  if (control) made.emplace_back(std::vector<torch::Tensor>{q});  // known from the start
  Adagrad optimizer(made, AdagradOptions(1.0));
  if (!control) optimizer.add_param_group(OptimizerParamGroup({q}));
  q.mutable_grad() = torch::tensor({3.0});
  std::string seen;
  try {
    optimizer.step();
    seen = std::to_string(q.item<float>());
  } catch (const c10::Error& error) {
    const std::string message = error.what_without_backtrace();
    seen = message.substr(0, message.find('\n'));
  }
  if (seen == "0.000000") return 0;
  std::cerr << "expected q = 0.000000, seen " << seen << '\n';
  return 1;
}
