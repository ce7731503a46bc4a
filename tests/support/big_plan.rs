//! Generated plans of any size, for benchmarks and tests of growth: phases of a hundred entries,
//! with templates, rollback steps, needs and checkpoints as people write them.

use std::fmt::Write;

pub fn big_plan(steps: usize) -> String {
    let mut out = String::from(
        "plan: generated\n\
         title: A generated plan\n\
         inputs:\n  \
           tag: { type: string, default: v2.0.0, about: what is released }\n\
         phases:\n",
    );
    for step in 0..steps {
        if step % 100 == 0 {
            let phase = step / 100;
            let _ = write!(out, "  - phase: part-{phase}\n    title: Part {phase}\n    steps:\n");
        }
        let _ = match step % 10 {
            9 => write!(
                out,
                "      - checkpoint: gate-{step}\n        checks:\n          - {{ file: \"work/{step}\", contains: \"{{{{ tag }}}}\" }}\n"
            ),
            4 => write!(
                out,
                "      - step: beside-{step}\n        needs: [step-{}]\n        run: [cp, \"work/{step}\", \"{{{{ tag }}}}/{step}\"]\n        rollback: {{ run: [rm, \"{{{{ tag }}}}/{step}\"] }}\n        estimate: 1s..10s\n        timeout: 1m\n",
                step - 1
            ),
            _ => write!(
                out,
                "      - step: step-{step}\n        title: Step number {step}\n        run: ./deploy --tag {{{{ tag }}}} --part {step}\n        rollback: {{ run: ./deploy --undo --part {step} }}\n        estimate: 10s..1m\n        timeout: 5m\n"
            ),
        };
    }
    out
}
