// One decoded instruction's code. Arguments stay in registers through the whole chain of tail calls.
global using unsafe Handler = delegate*<Warren.RiscV.Core.HartState*, Warren.RiscV.Blocks.Op*, long, void>;

// Guest memory is shared with other harts by nature; it is no lock-protected state of ours, so the explorer's hooks have no say in it.
global using Interlocked = System.Threading.Interlocked;
global using Volatile = System.Threading.Volatile;
