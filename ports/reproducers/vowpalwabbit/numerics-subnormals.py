import numpy as np
from vowpalwabbit import Workspace
p = np.array([0.0], "float32")
start, end = {}, 0
start['p'] = end; end += p.size
vw = Workspace('--adaptive --power_t 0.5 --noconstant --loss_function quantile --quantile_tau 1 --min_prediction -1 --max_prediction 1 --save_resume --quiet --learning_rate 0.5')
for i, x in enumerate(p.ravel().tolist()):
    vw.set_weight(start['p'] + i, 0, x)
x = []
x += [(start['p'] + i, v) for i, v in enumerate((-np.array([3e-45], "float32")).ravel().tolist())]
example = vw.example({"f": x}, labelType=1)
example.set_label_string("1e30")
vw.learn(example); vw.finish_example(example)
seen = float(np.array([vw.get_weight(start['p'] + i, 1) for i in range(p.size)]).ravel()[0])
assert seen == 0.0, f"p[0] S = {seen}, due 0.0"
