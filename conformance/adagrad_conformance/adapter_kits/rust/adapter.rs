//! Puts a port of Adagrad before the conformance suite.  It works as it stands;
//! README.md says how to build and run it.  To make it yours:
//!
//! 1. Replace the toy port by your own.
//! 2. Say in the adapter how yours is called.  It only translates: what your port does
//!    not do, do not do for it.
//! 3. Claim what your port can do and no more.  A function whose claim goes may go too.

mod adagrad_port;

use adagrad_port::{Closure, Group, Identity, Options, Outcome, Param, Params, Port};
use adagrad_port::{Loss, State, Tensor};
use std::collections::BTreeMap;

// -- the port: a toy, to be replaced by yours -----------------------------------------

/// Of each param its group, its accumulator and its counter.
struct Slot {
    group: usize,
    sum: Tensor,
    t: u64,
}

struct ToyAdagrad {
    defaults: Options,
    groups: Vec<Options>,
    slots: BTreeMap<String, Slot>,
}

impl ToyAdagrad {
    fn toy(defaults: Options) -> Self {
        ToyAdagrad { defaults, groups: vec![], slots: BTreeMap::new() }
    }

    fn add(&mut self, group: &Group, params: &Params) -> Outcome<()> {
        let mut options = self.defaults.clone();
        options.choose(&group.options);
        let first = options.initial_accumulator_value.unwrap_or(0.0);
        for name in &group.params {
            let theta = &params[name].theta;
            let sum = theta.with_numbers(&vec![first; theta.bits.len()]);
            self.slots
                .insert(name.clone(), Slot { group: self.groups.len(), sum, t: 0 });
        }
        self.groups.push(options);
        Ok(())
    }

    fn choose(&mut self, group: usize, chosen: &Options) -> Outcome<()> {
        self.groups[group].choose(chosen);
        Ok(())
    }

    fn move_all(&mut self, params: &mut Params) {
        for (name, slot) in &mut self.slots {
            let param = params.get_mut(name).expect("a param");
            if param.gradient.is_some() {
                slot.move_one(param, &self.groups[slot.group]);
            }
        }
    }

    fn write(&mut self, name: &str, sum: Tensor, t: u64) -> Outcome<()> {
        let slot = self.slots.get_mut(name).expect("a param");
        (slot.sum, slot.t) = (sum, t);
        Ok(())
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut words = vec![];
        for o in &self.groups {
            let numbers = [o.lr, o.lr_decay, o.weight_decay, o.eps];
            words.extend(numbers.map(|x| x.unwrap_or(f64::NAN).to_bits()));
            words.push(o.maximize.map_or(2, u64::from));
        }
        for slot in self.slots.values() {
            words.push(slot.t);
            words.extend(&slot.sum.bits);
        }
        words.into_iter().flat_map(u64::to_le_bytes).collect()
    }

    fn take_bytes(&mut self, bytes: &[u8]) -> Outcome<()> {
        let words = bytes.chunks_exact(8).map(|x| x.try_into().expect("eight bytes"));
        let mut words = words.map(u64::from_le_bytes);
        let mut next = || words.next().expect("a longer save");
        for o in &mut self.groups {
            for x in [&mut o.lr, &mut o.lr_decay, &mut o.weight_decay, &mut o.eps] {
                *x = Some(f64::from_bits(next())).filter(|x| !x.is_nan());
            }
            o.maximize = Some(next()).filter(|&x| x < 2).map(|x| x == 1);
        }
        for slot in self.slots.values_mut() {
            slot.t = next();
            slot.sum.bits.fill_with(&mut next);
        }
        Ok(())
    }
}

impl Slot {
    fn move_one(&mut self, param: &mut Param, o: &Options) {
        let (mut theta, mut sum) = (param.theta.numbers(), self.sum.numbers());
        let grad = param.gradient.as_ref().expect("a gradient").numbers();
        let weight_decay = o.weight_decay.unwrap_or(0.0);
        self.t += 1;
        let steps_before = (self.t - 1) as f64;
        let rate =
            o.lr.unwrap_or(0.01) / (1.0 + steps_before * o.lr_decay.unwrap_or(0.0));
        for i in 0..theta.len() {
            let mut g = if o.maximize.unwrap_or(false) { -grad[i] } else { grad[i] };
            if weight_decay != 0.0 {
                g += weight_decay * theta[i];
            }
            sum[i] += g * g;
            theta[i] -= rate * g / (sum[i].sqrt() + o.eps.unwrap_or(1e-10));
        }
        param.theta = param.theta.with_numbers(&theta);
        self.sum = self.sum.with_numbers(&sum);
    }
}

// -- the adapter: your lines ----------------------------------------------------------

impl Port for ToyAdagrad {
    fn identity() -> Identity {
        let claims = "binary64 binary32 mixed-formats defaults set-option maximize \
            eps lr-decay weight-decay initial-accumulator-value zero-eps zero-lr \
            zero-accumulator state state-write many-steps gradients none-gradient \
            closure groups add-group save load-bytes load-new-process";
        Identity { name: "my-adagrad", version: "1", claims, ..Identity::default() }
    }
    fn new(groups: &[Group], options: &Options, params: &Params) -> Outcome<Self> {
        let mut port = ToyAdagrad::toy(options.clone());
        groups.iter().try_for_each(|group| port.add(group, params))?;
        Ok(port)
    }
    fn step(&mut self, params: &mut Params, closure: Option<Closure>) -> Outcome<Loss> {
        let loss = closure.map(|ask| ask(params));
        self.move_all(params);
        Ok(loss)
    }
    fn state(&self, param: &str) -> State {
        State { sum: Some(self.slots[param].sum.clone()), t: Some(self.slots[param].t) }
    }
    fn set_state(&mut self, param: &str, sum: Tensor, t: u64) -> Outcome<()> {
        self.write(param, sum, t)
    }
    fn set_option(&mut self, group: usize, chosen: &Options) -> Outcome<()> {
        self.choose(group, chosen)
    }
    fn add_group(&mut self, group: &Group, params: &Params) -> Outcome<()> {
        self.add(group, params)
    }
    fn save(&self) -> Outcome<Vec<u8>> {
        Ok(self.to_bytes())
    }
    fn load(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.take_bytes(bytes)
    }
}

fn main() {
    adagrad_port::serve::<ToyAdagrad>()
}
