//! A port of 16 pins (RM0090, chapter 8). What a pin reads is what it drives as an output, what
//! drives it from outside, or its pull resistor; a floating pin reads 0. Alternate functions reach
//! their peripherals without the pins.

#[cfg(test)]
mod tests;

use crate::bank::{Bank, Write};
use crate::schemas::{ST_STM32_GPIO_1, st_stm32_gpio_1 as reg};
use crate::unit::{Block, Unit};
use hetemu_hw::schema::DeviceType;
use hetemu_hw::time::Ps;
use hetemu_hw::{Config, ConfigError, Cx, Device, Model};

/// `st.stm32_gpio`.
pub const MODEL: Model = Model { ty: &ST_STM32_GPIO_1, create };

const PIN: u32 = 0;
/// LCKR.
const LCKK: u32 = 1 << 16;

fn create(config: &Config) -> Result<Box<dyn Device>, ConfigError> {
    let first = ["moder", "ospeedr", "pupdr"].map(|name| config.int(name) as u32);
    let bank = Bank::new(&ST_STM32_GPIO_1);
    let mut port = Gpio { first, bank, driven: 0, high: 0, lock: 0 };
    port.reset();
    Ok(Box::new(Block(port)))
}

#[derive(Clone)]
struct Gpio {
    // Fixed configuration: MODER, OSPEEDR and PUPDR after reset.
    first: [u32; 3],
    // Volatile state.
    bank: Bank,
    /// Pins that something outside drives, and those that it drives high.
    driven: u64,
    high: u64,
    /// Steps of the sequence that locks.
    lock: u64,
}

impl Gpio {
    fn level(&self, pin: u32) -> bool {
        let output = self.bank.field(reg::MODER, 2 * pin, 2) == 1;
        let set = self.bank.is(reg::ODR, 1 << pin);
        let open = self.bank.is(reg::OTYPER, 1 << pin);
        let outside = match (self.driven >> pin & 1, self.bank.field(reg::PUPDR, 2 * pin, 2)) {
            (0, pull) => pull == 1,
            _ => self.high >> pin & 1 != 0,
        };
        if output && !(open && set) { set } else { outside }
    }

    fn levels(&self) -> u32 {
        (0..16).fold(0, |all, pin| all | u32::from(self.level(pin)) << pin)
    }

    /// The bits of a register that LCKR has locked; of those with two or four bits a pin, too.
    fn locked(&self, at: u64) -> u32 {
        let lock = self.bank.get(reg::LCKR);
        if lock & LCKK == 0 {
            return 0;
        }
        let spread = |width: u32, first: u32| {
            let pins =
                (0..32 / width).filter(|pin| lock >> (pin + first) & 1 != 0 && pin + first < 16);
            pins.fold(0, |all, pin| all | ((1 << width) - 1) << (pin * width))
        };
        match at {
            reg::MODER | reg::OSPEEDR | reg::PUPDR => spread(2, 0),
            reg::OTYPER => spread(1, 0),
            reg::AFRL => spread(4, 0),
            reg::AFRH => spread(4, 8),
            reg::LCKR => u32::MAX,
            _ => 0,
        }
    }
}

impl Unit for Gpio {
    const TYPE: &'static DeviceType = &ST_STM32_GPIO_1;

    fn bank(&self) -> &Bank {
        &self.bank
    }

    fn bank_mut(&mut self) -> &mut Bank {
        &mut self.bank
    }

    fn words(&mut self) -> Vec<&mut u64> {
        vec![&mut self.driven, &mut self.high, &mut self.lock]
    }

    fn value(&self, at: u64, _: Option<Ps>) -> Option<u32> {
        Some(match at {
            reg::IDR => self.levels(),
            reg::BSRR => 0,
            _ => self.bank.get(at),
        })
    }

    fn write(&mut self, _: &mut dyn Cx, write: Write) {
        match write.at {
            reg::BSRR => {
                self.bank.put(reg::ODR, write.bits >> 16, false);
                self.bank.put(reg::ODR, write.bits & 0xffff, true);
            }
            reg::LCKR => {
                if self.bank.is(reg::LCKR, LCKK) {
                    return;
                }
                // Three writes with the same pins, LCKK 1, 0, 1.
                let (pins, key) = (write.whole & 0xffff, write.whole & LCKK != 0);
                let same = self.lock == 0 || pins == self.bank.get(reg::LCKR);
                self.lock = match (self.lock, key) {
                    (0, true) => 1,
                    (1, false) if same => 2,
                    (2, true) if same => 3,
                    _ => 0,
                };
                let locked = if self.lock == 3 { LCKK } else { 0 };
                self.bank.set(reg::LCKR, pins | locked);
            }
            at => {
                let locked = self.locked(at);
                let whole = write.whole & !locked | self.bank.get(at) & locked;
                self.bank.keep(&Write { whole, ..write });
            }
        }
    }

    fn signal(&mut self, _: &mut dyn Cx, _: u32, line: u32, level: bool) {
        let pin = 1 << (line & 15);
        self.driven |= pin;
        self.high = if level { self.high | pin } else { self.high & !pin };
    }

    fn reset(&mut self) {
        // What drives pins from outside goes on doing it.
        self.bank = Bank::new(Self::TYPE);
        self.lock = 0;
        for (at, value) in [reg::MODER, reg::OSPEEDR, reg::PUPDR].into_iter().zip(self.first) {
            self.bank.set(at, value);
        }
    }

    fn drive(&mut self, cx: &mut dyn Cx) {
        let levels = self.levels();
        for pin in 0..16 {
            cx.output(PIN, pin, levels >> pin & 1 != 0);
        }
    }
}
