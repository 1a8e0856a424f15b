"""`python -m prepack_lab` is the command `prepack-lab`, also where `torchrun -m prepack_lab` starts it."""

from prepack_lab.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
