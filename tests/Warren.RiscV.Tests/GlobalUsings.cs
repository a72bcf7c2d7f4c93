global using unsafe Handler = delegate*<Warren.RiscV.Core.HartState*, Warren.RiscV.Blocks.Op*, long, void>;
