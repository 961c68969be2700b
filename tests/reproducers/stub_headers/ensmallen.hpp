// What scripts for ensmallen use of it, declared and not defined: for a look at syntax.
#pragma once
#include <cstddef>
#include <exception>
#include <initializer_list>

namespace arma {
namespace fill {
template <class T>
struct value {
  value(T);
};
}  // namespace fill

template <class T>
struct Vector {
  Vector(std::initializer_list<T>);
};
template <class T>
struct Matrix {
  using elem_type = T;
  Matrix(size_t, size_t);
  Matrix(size_t, size_t, fill::value<T>);
  Matrix(Vector<T>);
  Matrix(std::initializer_list<std::initializer_list<T>>);
  Matrix t() const;
  Matrix eval() const;
  T operator[](size_t) const;
};
using mat = Matrix<double>;
using fmat = Matrix<float>;
using umat = Matrix<unsigned long>;
using vec = Vector<double>;
using fvec = Vector<float>;
using uvec = Vector<unsigned long>;
template <class T>
struct Sparse {
  Sparse(size_t, size_t);
  Sparse(bool, umat, Vector<T>, size_t, size_t);
};
using sp_mat = Sparse<double>;
using sp_fmat = Sparse<float>;
}  // namespace arma

namespace ens {
struct AdaGrad {
  size_t& BatchSize();
  size_t& MaxIterations();
  bool& ResetPolicy();
  double& StepSize();
  double& Epsilon();
  template <class Function, class Matrix, class Gradients>
  double Optimize(Function&, Matrix&);
};
}  // namespace ens
