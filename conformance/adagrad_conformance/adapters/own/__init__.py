"""The suite's own ports of Adagrad: three complete optimizers, one file each.

`numpy_adagrad` needs NumPy alone; `torch_single` and `torch_foreach` need torch and
share `torch_base`. Nothing is imported here, so naming this package loads no
framework. None of the ports imports the reference they are judged against.
"""

__all__: list[str] = []
