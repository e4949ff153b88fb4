import {obtainGuestImage} from "./src/platform/node/guest-image.ts";
for (const o of [{},{},{update:true}]) { const t=Date.now(); const g=await obtainGuestImage({...o,cacheDirectory:"/tmp/k/cache",onProgress:p=>console.log(Date.now()-t,JSON.stringify(p))}); console.log(g.version,g.kernel.length,g.ramdisk.length,Date.now()-t); }
