//! What a toy does not show of the kit; test_kits.py says what is expected.
mod adagrad_port;

use adagrad_port::{Closure, Group, Identity, Loss, Options, Outcome, Params, Port, Refused};

struct Strange {
    names: Vec<String>,
    lr: f64,
}

impl Port for Strange {
    fn identity() -> Identity {
        Identity {
            name: "strange",
            version: "7",
            claims: "binary64 eps zero-grad save load-bytes set-option",
            dialect: Some("tfjs"),
            constants: vec![("eps", 1e-7)],
        }
    }
    fn new(groups: &[Group], options: &Options, _: &Params) -> Outcome<Self> {
        assert!(options.eps.is_none(), "eps was given");
        let lr = options.lr.unwrap_or(0.01);
        if lr < 0.0 {
            return Err(Refused("lr is negative".to_string()));
        }
        if lr == 0.0 {
            return Err(Refused("lr is zero".to_string()));
        }
        Ok(Strange { names: groups[0].params.clone(), lr })
    }
    fn step(&mut self, _: &mut Params, _: Option<Closure>) -> Outcome<Loss> {
        println!("noise");
        assert!(self.lr != 13.0, "thirteen");
        Ok(None)
    }
    fn set_option(&mut self, _: usize, chosen: &Options) -> Outcome<()> {
        assert!(chosen.eps.is_none(), "eps was given");
        self.lr = chosen.lr.expect("lr");
        Ok(())
    }
    fn zero_grad(&mut self, params: &mut Params, set_to_none: bool) -> Outcome<()> {
        for name in &self.names {
            let param = params.get_mut(name).expect("a param");
            let zeros = param.theta.with_f64s(&vec![0.0; param.theta.bits.len()]);
            param.gradient = param.gradient.take().filter(|_| !set_to_none).map(|_| zeros);
        }
        Ok(())
    }
    fn save(&self) -> Outcome<Vec<u8>> {
        Ok(self.names[0].clone().into_bytes())
    }
    fn load(&mut self, bytes: &[u8]) -> Outcome<()> {
        Err(Refused(String::from_utf8(bytes.to_vec()).expect("UTF-8")))
    }
}

fn main() {
    adagrad_port::serve::<Strange>()
}
