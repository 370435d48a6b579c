//! Two kinds of drawing, both with a logarithmic scale: bars side by side, and lines over a number that varies.

use std::fmt::Write;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 84.0;
const BOTTOM: f64 = 56.0;
/// They can be told apart by those who see no red or green, too.
const COLOURS: [&str; 5] = ["#0072b2", "#56b4e9", "#e69f00", "#999999", "#cc79a7"];

/// Bars: for each place one of each series.
pub(super) struct Bars<'a> {
    pub(super) title: &'a str,
    pub(super) places: Vec<&'a str>,
    pub(super) series: Vec<(&'a str, Vec<Option<f64>>)>,
    /// Lines across.
    pub(super) roofs: Vec<(&'a str, f64)>,
}

/// Lines, whose points stand at the same distance from each other.
pub(super) struct Lines<'a> {
    pub(super) title: &'a str,
    pub(super) under: &'a str,
    pub(super) series: Vec<(&'a str, Vec<(u64, f64)>)>,
}

/// A drawing with its scale.
struct Canvas {
    text: String,
    /// Decades at the bottom and at the top.
    from: f64,
    to: f64,
}

impl Canvas {
    fn new(title: &str, values: impl Iterator<Item = f64> + Clone) -> Canvas {
        let least = values.clone().fold(f64::MAX, f64::min);
        let most = values.fold(f64::MIN_POSITIVE, f64::max);
        let mut canvas = Canvas {
            text: format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\">\n\
                 <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n"
            ),
            from: least.min(most).log10().floor(),
            to: most.log10().ceil(),
        };
        if canvas.to <= canvas.from {
            canvas.to = canvas.from + 1.0;
        }
        canvas.words(LEFT, 26.0, "start", "#111111", title);
        let mut decade = canvas.from;
        while decade <= canvas.to {
            for step in [1.0, 2.0, 5.0] {
                let value = step * 10_f64.powf(decade);
                let y = canvas.height(value);
                if y >= TOP - 0.5 {
                    let colour = if step == 1.0 { "#bbbbbb" } else { "#eeeeee" };
                    canvas.line(LEFT, y, WIDTH - RIGHT, y, colour, "");
                    canvas.words(LEFT - 8.0, y + 4.0, "end", "#444444", &value.to_string());
                }
            }
            decade += 1.0;
        }
        canvas
    }

    fn height(&self, value: f64) -> f64 {
        let share = (value.log10() - self.from) / (self.to - self.from);
        HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)
    }

    fn words(&mut self, x: f64, y: f64, anchor: &str, colour: &str, words: &str) {
        let words = words.replace('&', "&amp;").replace('<', "&lt;");
        writeln!(
            self.text,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{colour}\">{words}</text>"
        )
        .unwrap();
    }

    fn line(&mut self, x: f64, y: f64, to_x: f64, to_y: f64, colour: &str, more: &str) {
        writeln!(
            self.text,
            "<line x1=\"{x:.1}\" y1=\"{y:.1}\" x2=\"{to_x:.1}\" y2=\"{to_y:.1}\" stroke=\"{colour}\" {more}/>"
        )
        .unwrap();
    }

    fn legend(&mut self, names: impl Iterator<Item = impl AsRef<str>>) {
        let mut x = LEFT;
        for (name, colour) in names.zip(COLOURS.iter().cycle()) {
            let name = name.as_ref();
            writeln!(
                self.text,
                "<rect x=\"{x:.1}\" y=\"42\" width=\"12\" height=\"12\" fill=\"{colour}\"/>"
            )
            .unwrap();
            self.words(x + 17.0, 53.0, "start", "#111111", name);
            x += 40.0 + 7.2 * name.len() as f64;
        }
    }

    fn end(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }
}

impl Bars<'_> {
    pub(super) fn draw(&self) -> String {
        let bars = self
            .series
            .iter()
            .flat_map(|(_, values)| values.iter().flatten().copied());
        let roofs = self.roofs.iter().map(|(_, roof)| *roof);
        let mut canvas = Canvas::new(self.title, bars.chain(roofs));
        canvas.legend(self.series.iter().map(|(name, _)| name));
        let room = (WIDTH - LEFT - RIGHT) / self.places.len() as f64;
        let width = room * 0.8 / self.series.len() as f64;
        for (place, name) in self.places.iter().enumerate() {
            let from = LEFT + room * (place as f64 + 0.1);
            canvas.words(
                from + room * 0.4,
                HEIGHT - BOTTOM + 20.0,
                "middle",
                "#111111",
                name,
            );
            for (number, (_, values)) in self.series.iter().enumerate() {
                let Some(value) = values[place] else {
                    continue;
                };
                let x = from + width * number as f64;
                let y = canvas.height(value);
                let tall = HEIGHT - BOTTOM - y;
                let colour = COLOURS[number % COLOURS.len()];
                writeln!(
                    canvas.text,
                    "<rect class=\"bar\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{tall:.1}\" fill=\"{colour}\"/>",
                    width - 2.0
                )
                .unwrap();
                canvas.words(
                    x + width / 2.0 - 1.0,
                    y - 4.0,
                    "middle",
                    "#444444",
                    &format!("{value:.0}"),
                );
            }
        }
        for (number, (name, roof)) in self.roofs.iter().enumerate() {
            let y = canvas.height(*roof);
            canvas.line(
                LEFT,
                y,
                WIDTH - RIGHT,
                y,
                "#d55e00",
                "stroke-dasharray=\"6 4\"",
            );
            // Side by side, since some are near each other.
            let x = LEFT + (WIDTH - LEFT - RIGHT) * (number as f64 + 0.5) / self.roofs.len() as f64;
            let words = format!("{name}: {roof:.0}");
            let wide = 7.2 * words.len() as f64;
            writeln!(
                canvas.text,
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{wide:.1}\" height=\"15\" fill=\"#ffffff\"/>",
                x - wide / 2.0,
                y - 8.0
            )
            .unwrap();
            canvas.words(x, y + 4.0, "middle", "#d55e00", &words);
        }
        canvas.end()
    }
}

impl Lines<'_> {
    pub(super) fn draw(&self) -> String {
        let values = self
            .series
            .iter()
            .flat_map(|(_, points)| points.iter().map(|(_, value)| *value));
        let mut canvas = Canvas::new(self.title, values);
        canvas.legend(self.series.iter().map(|(name, _)| name));
        let mut numbers: Vec<u64> = Vec::new();
        for (_, points) in &self.series {
            numbers.extend(points.iter().map(|(number, _)| number));
        }
        numbers.sort_unstable();
        numbers.dedup();
        let room = (WIDTH - LEFT - RIGHT) / numbers.len().max(1) as f64;
        let x = |number: u64| {
            let place = numbers.iter().position(|it| *it == number).unwrap_or(0);
            LEFT + room * (place as f64 + 0.5)
        };
        for number in &numbers {
            canvas.words(
                x(*number),
                HEIGHT - BOTTOM + 20.0,
                "middle",
                "#111111",
                &rounded(*number),
            );
        }
        canvas.words(
            LEFT + (WIDTH - LEFT - RIGHT) / 2.0,
            HEIGHT - 14.0,
            "middle",
            "#111111",
            self.under,
        );
        for ((_, points), colour) in self.series.iter().zip(COLOURS.iter().cycle()) {
            for pair in points.windows(2) {
                let [(from, cost), (to, next)] = [pair[0], pair[1]];
                let (y, to_y) = (canvas.height(cost), canvas.height(next));
                canvas.line(x(from), y, x(to), to_y, colour, "stroke-width=\"2\"");
            }
            for (number, cost) in points {
                let (x, y) = (x(*number), canvas.height(*cost));
                writeln!(
                    canvas.text,
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>"
                )
                .unwrap();
                canvas.words(x, y - 8.0, "middle", "#444444", &format!("{cost:.0}"));
            }
        }
        canvas.end()
    }
}

/// A power of two in its unit.
fn rounded(number: u64) -> String {
    match number {
        _ if number >= 1 << 20 && number.is_power_of_two() => format!("{} Mi", number >> 20),
        _ if number >= 1 << 10 && number.is_power_of_two() => format!("{} Ki", number >> 10),
        _ => number.to_string(),
    }
}
